"""The drafts of JSON Schema, as the `jsonschema` package knows them. The package is an extra and is loaded when a schema is first read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import Any

from foretell.errors import MissingPackageError, UserError

INSTALL = "pip install 'foretell[schemas]'"
#: The supported drafts by the names of jsonschema's validator classes, in the order of their numbers.
_NUMBERS = {"Draft4": 4, "Draft6": 6, "Draft7": 7, "Draft201909": 8, "Draft202012": 9}


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
        raise MissingPackageError(f"to read JSON Schemas, install jsonschema: {INSTALL}") from error
    return SimpleNamespace(
        registry=jsonschema_specifications.REGISTRY,
        validators=validators,
        SchemaError=SchemaError,
        ValidationError=ValidationError,
        Unresolvable=Unresolvable,
        lookup_recursive_ref=lookup_recursive_ref,
        specification_with=specification_with,
    )


@dataclass(frozen=True)
class SchemaDraft:
    """One draft. name: such as "Draft202012". number: 4, 6, 7, 8 (2019-09) or 9 (2020-12). identifier: the URI of its meta-schema, without
    a fragment. validator: jsonschema's class."""

    name: str
    number: int
    identifier: str
    validator: Any


@cache
def drafts() -> tuple[SchemaDraft, ...]:
    """The supported drafts, the oldest first."""
    supported = []
    for name, number in _NUMBERS.items():
        validator = getattr(package().validators, f"{name}Validator")
        identifier = validator.META_SCHEMA.get("$id", validator.META_SCHEMA.get("id"))
        supported.append(SchemaDraft(name, number, identifier.rstrip("#"), validator))
    return tuple(supported)


def take_draft(schema: Any) -> SchemaDraft:
    """The draft that `$schema` names, in the schema or a part of it; 2020-12 by default. `$schema` is removed from the schema in place,
    since jsonschema would choose its own validator class by it.

    SchemaError for an unknown dialect, and for several, since readers would disagree about verdicts.
    """
    named = [part.pop("$schema") for part in _subvalues(schema) if isinstance(part, dict) and isinstance(part.get("$schema"), str)]
    if not named:
        return drafts()[-1]
    if len({name.rstrip("#") for name in named}) > 1:
        raise SchemaError(f"#: the schema names several dialects, {', '.join(sorted(set(named)))}; keep one")
    known = {draft.identifier: draft for draft in drafts()}
    known["http://json-schema.org/schema"] = drafts()[-1]
    if named[0].rstrip("#") not in known:
        raise SchemaError(f"#/$schema: {named[0]!r} is not a supported dialect; use one of {', '.join(sorted(known))}")
    return known[named[0].rstrip("#")]


def _subvalues(value: Any) -> Iterator[Any]:
    """A JSON value and everything in it, without recursion."""
    waiting = [value]
    while waiting:
        part = waiting.pop()
        yield part
        waiting += part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
