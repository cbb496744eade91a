"""The JSON Schema of calls. The schema of each tool's arguments is embedded as a schema of its own, with an `$id` and a `$schema`, so that
its references and its draft stay what they are."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from foretell.errors import UserError
from foretell.rules.schemas.drafts import SchemaError, drafts
from foretell.rules.schemas.schema_compiler import parsed_schema, schema_text
from foretell.rules.schemas.subschemas import all_subschemas
from foretell.rules.tool_layouts import Tool


def call_schema(tools: Sequence[Tool], parallel: bool = False) -> dict[str, Any]:
    """The schema of a call `{"name": ..., "arguments": {...}}` of one of the tools. parallel: of an array of one call or more.

    UserError, with the tool's name and the place, for parameters that are no schema of an object or refer to something outside of it.
    """
    embedded = [_embedded(tool, number) for number, tool in enumerate(tools)]
    _check_identifiers(tools, [schema for _, schema in embedded])
    calls = [_call(tool, uri) for tool, (uri, _) in zip(tools, embedded, strict=True)]
    call: dict[str, Any] = calls[0] if len(calls) == 1 else {"anyOf": calls}
    whole = {"type": "array", "items": call, "minItems": 1} if parallel else call
    definitions = {f"tool{number}": schema for number, (_, schema) in enumerate(embedded)}
    return {"$schema": drafts()[-1].identifier, **whole, "$defs": definitions}


def _call(tool: Tool, uri: str) -> dict[str, Any]:
    """The schema of a call of one tool, whose arguments' schema has this identifier."""
    arguments = {"$ref": uri} if tool.parameters.get("type") == "object" else {"type": "object", "$ref": uri}
    return {
        "type": "object",
        "properties": {"name": {"const": tool.name}, "arguments": arguments},
        "required": ["name", "arguments"],
        "additionalProperties": False,
    }


def _embedded(tool: Tool, number: int) -> tuple[str, dict[str, Any]]:
    """(identifier, schema) of the tool's arguments, to stand below `$defs`."""
    try:
        text = schema_text(tool.parameters)
        choice = parsed_schema(text).choice
    except SchemaError as error:
        raise UserError(f"tools: the parameters of {tool.name!r}: {error}") from None
    for note in choice.notes:
        warnings.warn(f"tools: the parameters of {tool.name!r}: {note}", stacklevel=2)
    schema, draft = json.loads(text), choice.draft
    types = schema.get("type", "object")
    if "object" not in ([types] if isinstance(types, str) else types):
        raise UserError(f"tools: the parameters of {tool.name!r} have type {types!r}; arguments go by name, so describe an object")
    schema.pop("$schema", None)
    word = "id" if draft.number == 4 else "$id"
    own = schema.pop(word, "")
    if draft.number <= 7 and "$ref" in schema:  # which would take the effect of all that stands beside it, the identifier's too
        own, schema = "", _without_reference(schema)
    uri = urljoin(f"https://tool{number}.invalid/{quote(tool.name, safe='')}/parameters", "" if own.startswith("#") else own.rstrip("#"))
    return uri, {word: uri, "$schema": draft.identifier, **schema}


def _without_reference(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema that is a reference, with definitions beside it, as an equal one without effects of the reference on its neighbours."""
    return {"allOf": [{"$ref": schema["$ref"]}], **{key: schema[key] for key in ("definitions", "$defs") if key in schema}}


def _check_identifiers(tools: Sequence[Tool], schemas: Sequence[dict[str, Any]]) -> None:
    """UserError where two tools give one absolute identifier to different schemas."""
    known: dict[str, tuple[str, Any]] = {}
    for tool, schema in zip(tools, schemas, strict=True):
        for _, part in all_subschemas(schema):
            uri = part.get("$id", part.get("id")) if isinstance(part, dict) else None
            if isinstance(uri, str) and urlsplit(uri).scheme:
                name, other = known.setdefault(uri, (tool.name, part))
                if other != part:
                    raise UserError(f"tools: {name!r} and {tool.name!r} have different schemas with the identifier {uri!r}; rename one")
