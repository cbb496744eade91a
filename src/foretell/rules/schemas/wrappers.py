"""Schemas in the wrappers of other programs' options, and descriptions of tools given in place of a schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from foretell.rules.schemas.closed import closed
from foretell.rules.schemas.drafts import SchemaError

_KEYS = {"type", "name", "description", "strict", "schema"}
_OF_TOOLS = ("parameters", "input_schema", "inputSchema", "function")


def unwrapped(schema: Any) -> Any:
    """The schema in a `response_format` of the OpenAI API, `{"name", "strict", "schema"}`, alone or within `{"type": "json_schema", ...}`;
    anything else as it is. Where it is `strict`, objects are closed, as that API demands.

    SchemaError for a wrapper without a schema, and for the description of a tool.

    >>> unwrapped({"name": "answer", "schema": {"type": "integer"}})
    {'type': 'integer'}
    """
    if not isinstance(schema, Mapping):
        return schema
    if isinstance(schema.get("response_format"), Mapping) and len(schema) == 1:
        return unwrapped(schema["response_format"])
    is_named = schema.get("type") == "json_schema"
    inner = schema["json_schema"] if is_named and isinstance(schema.get("json_schema"), Mapping) else schema
    if isinstance(inner.get("schema"), Mapping | bool) and inner.keys() <= _KEYS and (is_named or {"name", "strict"} & inner.keys()):
        return closed(inner["schema"]) if inner.get("strict") is True else inner["schema"]
    if is_named:
        raise SchemaError('#: {"type": "json_schema"} is a wrapper, and has no "schema" in it; pass the schema itself')
    keyword = next((key for key in _OF_TOOLS if isinstance(schema.get(key), Mapping)), None)
    if keyword and (isinstance(schema.get("name"), str) or schema.get("type") == "function"):
        raise SchemaError(f"#: a `name` with `{keyword}` is the description of a tool; pass it as tools=[...], or the schema in it alone")
    return schema
