"""Closing the objects of a schema: they have the properties that are named and no others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from foretell.rules.schemas.subschemas import with_subschemas


def closed(schema: Any) -> Any:
    """The schema with `additionalProperties: false` at every subschema that has `properties` and does not say what else is allowed.

    >>> closed({"type": "object", "properties": {"a": {}}})
    {'type': 'object', 'properties': {'a': {}}, 'additionalProperties': False}
    """
    waiting: list[dict[str, Any]] = []

    def copied(part: Any) -> Any:
        if isinstance(part, Mapping):
            waiting.append(dict(part))
            return waiting[-1]
        return part

    whole = copied(schema)
    while waiting:  # without recursion, since nothing is known of a schema's depth here
        part = waiting.pop()
        part.update(with_subschemas(part, copied))
        if "properties" in part and not {"additionalProperties", "unevaluatedProperties"} & part.keys():
            part["additionalProperties"] = False
    return whole


def unnamed_members(schema: Any, value: Any) -> list[str]:
    """Names of members in `value`, a JSON value or a part of one, that no `properties` of the schema names.

    >>> unnamed_members({"properties": {"a": {}}}, {"a": 1, "b": [{"c": 2}]})
    ['b', 'c']
    """
    named: set[str] = set()
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Mapping):
            properties = part.get("properties")
            named |= set(properties) if isinstance(properties, Mapping) else set()
        waiting += part.values() if isinstance(part, Mapping) else part if isinstance(part, list) else ()
    found: list[str] = []
    waiting = [value]
    while waiting:
        part = waiting.pop(0)
        if isinstance(part, Mapping):
            found += [name for name in part if name not in named and name not in found]
        waiting += part.values() if isinstance(part, Mapping) else part if isinstance(part, list) else ()
    return found
