"""The `jsonschema` package, an extra, with what comes with it; loaded when a schema is first read."""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace

from foretell.errors import MissingPackageError

INSTALL = "pip install 'foretell[schemas]'"


@cache
def package() -> SimpleNamespace:
    """What is used of it. MissingPackageError, with the remedy, where it is not installed."""
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
