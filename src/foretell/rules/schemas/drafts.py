"""The drafts of JSON Schema, as the `jsonschema` package knows them. The package is an extra and is loaded when a schema is first read."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from types import SimpleNamespace
from typing import Any

from foretell.errors import UserError

INSTALL = "pip install 'foretell[schemas]'"


class SchemaError(UserError):
    """A schema that cannot be enforced: not a JSON Schema, an unresolvable reference, or beyond support. The message names the place."""


@cache
def package() -> SimpleNamespace:
    """The names of `jsonschema` and `referencing` that are used here. ImportError, with the remedy, if it is not installed."""
    try:
        import jsonschema_specifications
        from jsonschema import validators
        from jsonschema.exceptions import SchemaError, ValidationError
        from referencing.exceptions import Unresolvable
        from referencing.jsonschema import lookup_recursive_ref, specification_with
    except ImportError as error:
        raise ImportError(f"to read JSON Schemas, install jsonschema: {INSTALL}") from error
    return SimpleNamespace(
        registry=jsonschema_specifications.REGISTRY,
        validators=validators,
        SchemaError=SchemaError,
        ValidationError=ValidationError,
        Unresolvable=Unresolvable,
        lookup_recursive_ref=lookup_recursive_ref,
        specification_with=specification_with,
    )


def draft_of(schema: Any) -> Any:
    """jsonschema's validator class for the draft that `$schema` names, in the schema or a part of it; 2020-12 by default.

    SchemaError for an unknown dialect, and for several, since readers would disagree about verdicts.
    """
    named = [part["$schema"] for part in subvalues(schema) if isinstance(part, dict) and isinstance(part.get("$schema"), str)]
    if not named:
        return package().validators.Draft202012Validator
    if len({name.rstrip("#") for name in named}) > 1:
        raise SchemaError(f"#: the schema names several dialects, {', '.join(sorted(set(named)))}; keep one")
    name = named[0]
    known = {identifier_of(draft).rstrip("#"): draft for draft in draft_numbers()}
    known["http://json-schema.org/schema"] = package().validators.Draft202012Validator
    if name.rstrip("#") not in known:
        raise SchemaError(f"#/$schema: {name!r} is not a supported dialect; use one of {', '.join(sorted(known))}")
    return known[name.rstrip("#")]


@cache
def draft_numbers() -> dict[Any, int]:
    """The supported drafts (jsonschema's validator classes), with their numbers: 4, 6, 7, 8 (2019-09) and 9 (2020-12)."""
    drafts = [getattr(package().validators, f"Draft{name}Validator") for name in ("4", "6", "7", "201909", "202012")]
    return dict(zip(drafts, (4, 6, 7, 8, 9), strict=True))


def identifier_of(draft: Any) -> str:
    """The URI of a draft's meta-schema."""
    return str(draft.META_SCHEMA.get("$id", draft.META_SCHEMA.get("id")))


def name_of_draft(draft: Any) -> str:
    """A draft's name, such as "Draft202012"."""
    return draft.__name__.removesuffix("Validator")


def subvalues(value: Any) -> Iterator[Any]:
    """A JSON value and everything in it, without recursion."""
    waiting = [value]
    while waiting:
        part = waiting.pop()
        yield part
        waiting += part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
