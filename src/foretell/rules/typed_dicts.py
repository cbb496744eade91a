"""`typing.TypedDict` for pydantic, which before Python 3.12 takes those of `typing_extensions` only."""

from __future__ import annotations

import sys
import types
import typing
from typing import Annotated, Any, NotRequired, Required, Union


def readable(kind: Any) -> Any:
    """The type with every `typing.TypedDict` in it made one of `typing_extensions`; the type itself where that is not needed."""
    return kind if sys.version_info >= (3, 12) else _changed(kind, {})


def _changed(kind: Any, known: dict[Any, Any]) -> Any:
    if typing.is_typeddict(kind):
        return _of_extensions(kind, known) if type(kind).__module__ == "typing" else kind
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin is None or origin is typing.Literal:
        return kind
    if origin is Annotated:
        return Annotated[(_changed(args[0], known), *args[1:])]  # type: ignore[return-value]
    changed = tuple(_changed(each, known) for each in args)
    if changed == args:
        return kind
    return Union[changed] if origin in (Union, types.UnionType) else origin[changed]  # noqa: UP007


def _of_extensions(kind: Any, known: dict[Any, Any]) -> Any:
    import typing_extensions  # which pydantic needs, so it is there

    if kind in known:  # it refers to itself
        return typing.ForwardRef(kind.__name__)
    known[kind] = True
    fields = {}
    for name, hint in typing.get_type_hints(kind, include_extras=True).items():
        said, args = typing.get_origin(hint), typing.get_args(hint)
        inner = args[0] if said in (Required, NotRequired) else hint
        # `__required_keys__` knows nothing of what annotations kept as text say.
        is_required = said is Required or (said is not NotRequired and name in kind.__required_keys__)
        wrapper = Required if is_required else NotRequired
        fields[name] = wrapper[_changed(inner, known)]  # type: ignore[valid-type]
    del known[kind]
    made = typing_extensions.TypedDict(kind.__name__, fields)  # type: ignore[operator, misc]
    made.__doc__, made.__module__ = kind.__doc__, kind.__module__
    return made
