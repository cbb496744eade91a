"""The drafts of JSON Schema, as the `jsonschema` package knows them. The package is an extra and is loaded when a schema is first read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import Any

from foretell.errors import MissingPackageError, UserError

INSTALL = "pip install 'foretell[schemas]'"
#: The supported drafts by the names of jsonschema's validator classes, in the order of their numbers.
_NUMBERS = {"Draft4": 4, "Draft6": 6, "Draft7": 7, "Draft201909": 8, "Draft202012": 9}
#: The drafts as users name them, with their numbers; "auto" takes the one that the schema names or gives away.
DRAFTS = {"auto": 0, "4": 4, "6": 6, "7": 7, "2019-09": 8, "2020-12": 9}


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

    @property
    def title(self) -> str:
        """The name as in prose: "draft 7", "draft 2019-09"."""
        return {8: "draft 2019-09", 9: "draft 2020-12"}.get(self.number, f"draft {self.number}")

    @property
    def specification(self) -> Any:
        """How references are resolved (`referencing`)."""
        return package().specification_with(self.identifier)


@cache
def drafts() -> tuple[SchemaDraft, ...]:
    """The supported drafts, the oldest first."""
    supported = []
    for name, number in _NUMBERS.items():
        validator = getattr(package().validators, f"{name}Validator")
        identifier = validator.META_SCHEMA.get("$id", validator.META_SCHEMA.get("id"))
        supported.append(SchemaDraft(name, number, identifier.rstrip("#"), validator))
    return tuple(supported)


def draft_of(number: int) -> SchemaDraft:
    """The draft with this number."""
    return next(draft for draft in drafts() if draft.number == number)


def named_draft(uri: str, place: str) -> SchemaDraft:
    """The draft that a `$schema` names; with http or https, and with or without `#` at its end. SchemaError for an unknown dialect."""
    known = {_bare(draft.identifier): draft for draft in drafts()} | {"json-schema.org/schema": drafts()[-1]}
    if _bare(uri) not in known:
        names = ", ".join(draft.identifier for draft in drafts())
        raise SchemaError(f"{place}/$schema: {uri!r} is not a supported dialect; use one of {names}")
    return known[_bare(uri)]


def _bare(uri: str) -> str:
    return uri.strip().removeprefix("http://").removeprefix("https://").rstrip("#/")
