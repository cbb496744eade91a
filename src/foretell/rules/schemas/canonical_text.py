"""A value as the text that the constraint accepts for it: members in the schema's order, numbers and strings in their plain forms."""

from __future__ import annotations

import math
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from foretell.rules.schemas.draft_choice import DraftChoice
from foretell.rules.schemas.drafts import drafts
from foretell.rules.schemas.engine_schema import EngineSchema
from foretell.rules.schemas.schema_compiler import WHITESPACE, CompiledSchema
from foretell.rules.schemas.schema_graph import graph_of
from foretell.rules.schemas.strings import has_pattern, json_string
from foretell.rules.schemas.validator import SchemaValidator


def canonical_text(instance: Any, compiled: CompiledSchema, whitespace: str = "json") -> str:
    """The JSON text of a value; the constraint accepts it if, and only if, the value is valid. whitespace: a key of `WHITESPACE`.

    If subschemas of `anyOf` have their properties in different orders, the order is that of the first one the value satisfies.
    Errors: ValueError for infinity and NaN, UnicodeEncodeError for a lone surrogate: JSON text cannot contain them.
    """
    style = WHITESPACE[whitespace]
    return _CanonicalWriter(compiled.schema, style["item_separator"], style["key_separator"]).text(instance, [compiled.schema])


class _CanonicalWriter:
    """Writes values in the order of an engine's schema."""

    def __init__(self, root: EngineSchema, comma: str, colon: str) -> None:
        self.root, self.comma, self.colon = root, comma, colon
        self.definitions: dict[str, EngineSchema] = {} if isinstance(root, bool) else root.get("$defs", {})
        self.validator: SchemaValidator | None = None

    def text(self, value: Any, schemas: list[EngineSchema]) -> str:
        if isinstance(value, str):
            value.encode()
            return json_string(value)
        if isinstance(value, bool) or value is None:
            return {True: "true", False: "false", None: "null"}[value]
        if isinstance(value, int | float):
            return canonical_number(value)
        parts = [part for schema in schemas for part in self.parts(schema, value)]
        if isinstance(value, list):
            return f"[{self.comma.join(self.text(item, [_item(part, i) for part in parts]) for i, item in enumerate(value))}]"
        names = dict.fromkeys(name for keyword in ("properties", "required") for part in parts for name in part.get(keyword, ()))
        order = [name for name in names if name in value] + [name for name in value if name not in names]
        members = (
            json_string(name) + self.colon + self.text(value[name], [each for part in parts for each in _member(part, name)])
            for name in order
        )
        return "{" + self.comma.join(members) + "}"

    def parts(self, schema: EngineSchema, value: Any) -> Iterator[dict[str, Any]]:
        """The schemas that the value satisfies together, in the order in which the engine reads them."""
        if isinstance(schema, bool):
            return
        yield schema
        for keyword, inner in schema.items():
            if keyword == "allOf":
                for part in inner:
                    yield from self.parts(part, value)
            elif keyword == "$ref":
                yield from self.parts(self.definitions.get(inner.removeprefix("#/$defs/"), self.root), value)
            elif keyword == "anyOf":
                chosen = next((part for part in inner if self.satisfies(part, value)), True)
                yield from self.parts(chosen, value)

    def satisfies(self, schema: EngineSchema, value: Any) -> bool:
        if self.validator is None:
            root = {} if isinstance(self.root, bool) else dict(self.root)
            self.validator = SchemaValidator(graph_of(root, DraftChoice(drafts()[-1])), formats=True)
        return isinstance(schema, dict) and self.validator.surely_satisfies(self.validator.root, schema, value)


def _item(part: dict[str, Any], i: int) -> EngineSchema:
    """The schema of item `i`."""
    prefix = part.get("prefixItems", ())
    return prefix[i] if i < len(prefix) else part.get("items", True)


def _member(part: dict[str, Any], name: str) -> list[EngineSchema]:
    """The schemas of the member `name`."""
    if name in part.get("properties", {}):
        return [part["properties"][name]]
    by_pattern = [schema for pattern, schema in part.get("patternProperties", {}).items() if has_pattern(pattern, name)]
    return by_pattern or [part.get("additionalProperties", True)]


def canonical_number(value: float) -> str:
    """A number without an exponent, and without a point if it is whole. ValueError for infinity and NaN."""
    if isinstance(value, int):
        return str(value)
    if not math.isfinite(value):
        raise ValueError(f"{value} has no JSON text")
    if value == int(value):
        return str(int(Decimal(repr(value))))
    return format(Decimal(repr(value)), "f")
