"""Schemas from a pydantic model, any Python type, a dict, a file or JSON text, with the reader of their texts."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from foretell import arguments
from foretell.errors import MissingPackageError, UserError
from foretell.json_files import parse_json
from foretell.rules.schemas.closed import closed
from foretell.rules.schemas.wrappers import unwrapped
from foretell.rules.typed_dicts import readable

#: The largest file or text that is read as a schema, in bytes.
MAX_BYTES = 4_000_000


def read_schema(schema: Any) -> tuple[dict[str, Any] | bool, Callable[[str], Any]]:
    """(JSON Schema, function from a valid text to a value).

    schema: a dict or bool, also in a wrapper of the OpenAI API (`unwrapped`); the path of a JSON file, or JSON text; a pydantic model,
    whose texts become its instances; a pydantic TypeAdapter; a msgspec Struct; or any Python type that pydantic can describe
    (dataclass, TypedDict, Enum, Literal, list[int]). Objects of Python types are closed (`closed`): they have the members of the type
    and no others, unless the type allows more.

    Errors: UserError, with the reason, for text that is neither JSON nor a file, a file that is not JSON or larger than 4 MB, and a type
    without a schema. ImportError for a Python type without pydantic.
    """
    if isinstance(schema, bool | Mapping):
        return (schema if isinstance(schema, bool) else unwrapped(dict(schema))), json.loads
    if isinstance(schema, str | Path):
        return unwrapped(_read_text(schema)), json.loads
    try:
        return _of_type(schema)
    except (MissingPackageError, UserError):
        raise
    except Exception as error:  # pydantic has many errors for types without a schema
        raise UserError(
            f"schema={arguments.shown(schema)} is neither a schema nor a type with one ({error}); pass a dict, a file or a pydantic model"
        ) from error


def _of_type(kind: Any) -> tuple[dict[str, Any], Callable[[str], Any]]:
    """The same for a Python type."""
    if hasattr(kind, "model_json_schema") and hasattr(kind, "model_validate_json"):
        return closed(kind.model_json_schema()), kind.model_validate_json
    if hasattr(kind, "json_schema") and hasattr(kind, "validate_json"):  # a TypeAdapter
        return closed(kind.json_schema()), kind.validate_json
    if hasattr(kind, "__struct_fields__"):
        import msgspec  # the type is of this package, so it is installed

        return closed(msgspec.json.schema(kind)), partial(msgspec.json.decode, type=kind)
    try:
        from pydantic import TypeAdapter
    except ImportError as error:
        raise MissingPackageError("schema: reading a Python type as a schema needs pydantic: pip install pydantic") from error
    adapter: Any = TypeAdapter(readable(kind))
    return closed(adapter.json_schema()), adapter.validate_json


def _read_text(source: str | Path) -> dict[str, Any] | bool:
    text, name = str(source), "schema"
    if isinstance(source, Path) or not text.lstrip().startswith(("{", "true", "false")):
        path = arguments.path("schema", source)
        if not arguments.is_file(path):
            raise UserError(f"schema={text[:80]!r} is neither JSON text nor a file; pass {{...}}, or the path of a JSON file")
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise UserError(f"schema={text!r} has {size} bytes; the limit is {MAX_BYTES}")
        name = text
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise UserError(f"schema={name!r} is not UTF-8 text ({error.reason} at byte {error.start}); save it as UTF-8") from error
    elif len(text) > MAX_BYTES:
        raise UserError(f"schema: the text has {len(text)} characters; the limit is {MAX_BYTES}")
    schema = parse_json(text, name if name == "schema" else f"schema: {name}", "write an object, true or false")
    if not isinstance(schema, bool | dict):
        raise UserError(f"schema: {name} holds a {type(schema).__name__}; a schema is an object, true or false")
    return schema
