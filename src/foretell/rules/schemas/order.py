"""A value as the text that the constraint accepts for it: members in the schema's order, numbers and strings in their plain forms."""

from __future__ import annotations

import math
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from foretell.rules.schemas.compiled_schema import WHITESPACE, Compiled
from foretell.rules.schemas.engine_schema import Plain
from foretell.rules.schemas.graph import graph_of
from foretell.rules.schemas.strings import has_pattern, written
from foretell.rules.schemas.validator import Judge


def canonical_text(instance: Any, compiled: Compiled, whitespace: str = "json") -> str:
    """The JSON text of a value: accepted if the value is valid. ValueError for what JSON text cannot hold (NaN, half a surrogate pair).

    Where subschemas of `anyOf` differ in the order of their properties, the order is that of the first the value is valid by.
    """
    style = WHITESPACE[whitespace]
    return _Order(compiled.lowered.schema).text(instance, [compiled.lowered.schema], style["item_separator"], style["key_separator"])


class _Order:
    def __init__(self, root: Plain) -> None:
        self.root = root
        self.definitions: dict[str, Plain] = {} if isinstance(root, bool) else root.get("$defs", {})
        self.judge: Judge | None = None

    def text(self, value: Any, schemas: list[Plain], comma: str, colon: str) -> str:
        if isinstance(value, str):
            value.encode()
            return written(value)
        if isinstance(value, bool) or value is None:
            return {True: "true", False: "false", None: "null"}[value]
        if isinstance(value, int | float):
            return number(value)
        parts = [part for schema in schemas for part in self.parts(schema, value)]
        if isinstance(value, list):
            texts = [self.text(item, [each for part in parts for each in _item(part, i)], comma, colon) for i, item in enumerate(value)]
            return f"[{comma.join(texts)}]"
        names = dict.fromkeys(name for word in ("properties", "required") for part in parts for name in part.get(word, ()))
        order = [name for name in names if name in value] + [name for name in value if name not in names]
        members = (
            written(name) + colon + self.text(value[name], [each for part in parts for each in _member(part, name)], comma, colon)
            for name in order
        )
        return "{" + comma.join(members) + "}"

    def parts(self, schema: Plain, value: Any) -> Iterator[dict[str, Any]]:
        """The schemas that hold of the value, in the order in which the engine meets them."""
        if isinstance(schema, bool):
            return
        yield schema
        for word, inner in schema.items():
            if word == "allOf":
                for part in inner:
                    yield from self.parts(part, value)
            elif word == "$ref":
                yield from self.parts(self.definitions.get(inner.removeprefix("#/$defs/"), self.root), value)
            elif word == "anyOf":
                chosen = next((part for part in inner if self.valid(part, value)), True)
                yield from self.parts(chosen, value)

    def valid(self, schema: Plain, value: Any) -> bool:
        if self.judge is None:
            self.judge = Judge(graph_of({} if isinstance(self.root, bool) else dict(self.root)), formats=True)
        return isinstance(schema, dict) and self.judge.has(self.judge.root, schema, value)


def _item(part: dict[str, Any], i: int) -> list[Plain]:
    prefix = part.get("prefixItems", ())
    return [prefix[i] if i < len(prefix) else part.get("items", True)]


def _member(part: dict[str, Any], name: str) -> list[Plain]:
    if name in part.get("properties", {}):
        return [part["properties"][name]]
    found = [schema for pattern, schema in part.get("patternProperties", {}).items() if has_pattern(pattern, name)]
    return found or [part.get("additionalProperties", True)]


def number(value: float) -> str:
    """A number without an exponent, and without a point where it is whole. ValueError for infinity and NaN."""
    if not math.isfinite(value):
        raise ValueError(f"{value} has no JSON text")
    if value == int(value):
        return str(int(Decimal(repr(value))))
    return format(Decimal(repr(value)), "f")
