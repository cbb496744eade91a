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
    whole = with_subschemas(schema, closed)
    says = isinstance(whole, Mapping) and bool({"additionalProperties", "unevaluatedProperties"} & whole.keys())
    return {**whole, "additionalProperties": False} if isinstance(whole, Mapping) and "properties" in whole and not says else whole
