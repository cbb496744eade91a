"""Settings as the command line has them: `epochs=200`, `target=HLGauss`, `body=MLP(widths=(64, 64))`, `target.sigma_to_bin=0.5`."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Sequence
from functools import cache
from typing import Any

from sklearn.base import BaseEstimator

import foretell.numbers
from foretell.decoding.registry import name_of
from foretell.errors import UserError
from foretell.numbers.component import Component
from foretell.parts import UnknownNameError, nearest


def apply_settings(estimator: BaseEstimator, settings: Sequence[str]) -> Any:
    """The estimator with these settings, in their order. Values are Python's literals, components by class name or as
    `foretell show` writes them, and text otherwise. UnknownNameError with the nearest name for what is none of its settings.

    >>> from foretell.numbers import HistogramRegressor
    >>> apply_settings(HistogramRegressor(), ["epochs=7", "body=MLP(widths=(8, 8))", "body.dropout=0.5"])
    HistogramRegressor(body=MLP(dropout=0.5, widths=(8, 8)), epochs=7)
    """
    for text in settings:
        path, equals, value = text.partition("=")
        if not equals or not path.strip():
            raise UserError(f"--set {text!r} is no setting; write for example epochs=200")
        *holders, name = path.strip().replace("__", ".").split(".")
        owner = estimator
        for holder in holders:
            owner = _part(owner, holder)
        _set(owner, {name: _value(value.strip())})
    return estimator


def _part(owner: Any, name: str) -> Any:
    """The component that is this setting, which a default may stand for."""
    _known(owner, name)
    part = getattr(owner, name)
    default = getattr(owner, f"_{name}", None)
    if part is None and callable(default):
        part = default()
        owner.set_params(**{name: part})
    if not isinstance(part, BaseEstimator):
        raise UserError(f"{type(owner).__name__}: {name} is {part!r}, which has no settings; name what it is first, such as {name}=NAME")
    return part


def _known(owner: Any, name: str) -> None:
    known = owner.get_params(deep=False)
    if name not in known:
        raise UnknownNameError(f"{type(owner).__name__} has no setting {name!r}: {nearest(name, known)}")


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        pass
    name, _, rest = text.partition("(")
    found = components().get(name.strip()) or {name_of(cls): cls for cls in components().values()}.get(name.strip())
    if found is None:
        if rest:
            raise UnknownNameError(f"there is no component called {name!r}: {nearest(name, components())}")
        return text
    return _set(found(), _arguments(text, rest))


def _set(owner: Any, settings: dict[str, Any]) -> Any:
    for name in settings:
        _known(owner, name)
    return owner.set_params(**settings)


def _arguments(text: str, rest: str) -> dict[str, Any]:
    if not rest:
        return {}
    try:
        call = ast.parse(f"f({rest}", mode="eval").body
        if not isinstance(call, ast.Call) or call.args:
            raise ValueError
        return {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
    except (ValueError, SyntaxError):
        raise UserError(f"{text!r} cannot be read; write for example MLP(widths=(64, 64))") from None


@cache
def components() -> dict[str, type[Component]]:
    """All components by class name: targets, bodies, bases, ..."""
    found: dict[str, type[Component]] = {}
    for info in pkgutil.walk_packages(foretell.numbers.__path__, f"{foretell.numbers.__name__}."):
        for cls in vars(importlib.import_module(info.name)).values():
            if isinstance(cls, type) and issubclass(cls, Component) and not inspect.isabstract(cls) and cls.__module__ == info.name:
                found[cls.__name__] = cls
    found.pop("Component", None)
    return found
