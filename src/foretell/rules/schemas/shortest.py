"""How short a text can be: which subschemas allow nothing, or nothing that ever ends, and how many bytes the shortest value takes."""

from __future__ import annotations

import json
import math
from typing import Any

from foretell.rules.schemas.engine_schema import TYPES, Plain

_LEAST = {"null": 4, "boolean": 4, "number": 1, "integer": 1, "string": 2, "array": 2, "object": 2}

_BOUNDS = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}
#: Definitions are gone through so often; lengths that are infinite still then are not known.
_ROUNDS = 50


def shortest(schema: Plain, separator: int = 0) -> float:
    """Fewest bytes that any value takes, infinite where there is none; never more than it takes, since what subschemas ask together is
    not added up. separator: bytes of white space behind each comma and colon."""
    return _Lengths(schema, separator).of(schema)


def without_empty(schema: Plain) -> Plain:
    """The schema with `false` in place of references to what allows nothing, or nothing that ends; false where that is all of it."""
    if isinstance(schema, bool) or not schema.get("$defs"):
        return schema if isinstance(schema, bool) or not math.isinf(shortest(schema)) else False
    lengths = _Lengths(schema, 0)
    if math.isinf(lengths.of(schema)):
        return False
    empty = {f"#/$defs/{name}" for name in schema["$defs"] if math.isinf(lengths.known[name])}
    kept = {name: part for name, part in schema["$defs"].items() if f"#/$defs/{name}" not in empty}
    return _replaced({**schema, "$defs": kept}, empty) if empty else schema


def _replaced(value: Any, empty: set[str]) -> Any:
    if isinstance(value, dict):
        if value.get("$ref") in empty and isinstance(value["$ref"], str):
            return False
        return {key: each if key in ("enum", "required") else _replaced(each, empty) for key, each in value.items()}
    return [_replaced(each, empty) for each in value] if isinstance(value, list) else value


class _Lengths:
    """Shortest lengths of definitions, by name, found by repetition from infinity down."""

    def __init__(self, schema: Plain, separator: int) -> None:
        self.separator = separator
        definitions: dict[str, Plain] = {} if isinstance(schema, bool) else schema.get("$defs", {})
        self.root: float = math.inf
        self.known: dict[str, float] = dict.fromkeys(definitions, math.inf)
        for _ in range(_ROUNDS):
            before = (self.root, *self.known.values())
            for name, part in reversed(definitions.items()):
                self.known[name] = self.of(part)
            self.root = self.of(schema)
            if before == (self.root, *self.known.values()):
                return
        self.root = 1 if math.isinf(self.root) else self.root
        self.known = {name: 1 if math.isinf(length) else length for name, length in self.known.items()}

    def of(self, schema: Plain) -> float:
        if isinstance(schema, bool):
            return 1 if schema else math.inf
        least = self.own(schema)
        if "$ref" in schema:
            name = schema["$ref"].removeprefix("#/$defs/")
            least = max(least, self.known.get(name, self.root))
        for part in schema.get("allOf", ()):
            least = max(least, self.of(part))
        if "anyOf" in schema:
            least = max(least, min((self.of(part) for part in schema["anyOf"]), default=math.inf))
        return least

    def own(self, schema: dict[str, Any]) -> float:
        if "enum" in schema:
            return min((len(json.dumps(value, ensure_ascii=False).encode()) for value in schema["enum"]), default=math.inf)
        if "type" not in schema and not schema.keys() & _BOUNDS:
            return 1  # a digit
        named = schema.get("type", TYPES)
        return min((self.typed(schema, name) for name in ([named] if isinstance(named, str) else named)), default=math.inf)

    def typed(self, schema: dict[str, Any], name: str) -> float:
        if name == "string":
            least, most = schema.get("minLength", 0), schema.get("maxLength", math.inf)
            return 2 + least if least <= most else math.inf
        if name == "array":
            least, most = schema.get("minItems", 0), schema.get("maxItems", math.inf)
            prefix = [self.of(part) for part in schema.get("prefixItems", ())[:least]]
            more = least - len(prefix)
            rest = more * self.of(schema.get("items", True)) if more > 0 else 0
            return 2 + sum(prefix) + rest + max(least - 1, 0) * (1 + self.separator) if least <= most else math.inf
        if name == "object":
            properties, required = schema.get("properties", {}), schema.get("required", ())
            other = schema.get("additionalProperties", True) if "patternProperties" not in schema else True
            members = [len(json.dumps(key)) + 1 + self.separator + self.of(properties.get(key, other)) for key in required]
            return 2 + sum(members) + max(len(members) - 1, 0) * (1 + self.separator)
        if name in ("number", "integer"):
            low = max(schema.get("minimum", -math.inf), schema.get("exclusiveMinimum", -math.inf))
            high = min(schema.get("maximum", math.inf), schema.get("exclusiveMaximum", math.inf))
            return 1 if low <= high else math.inf
        return _LEAST[name]
