"""The length of the shortest text of a schema: which subschemas allow no value, or none of finite length."""

from __future__ import annotations

import json
import math
from typing import Any

from foretell.rules.schemas.engine_schema import TYPES, EngineSchema

_MIN_BYTES = {"null": 4, "boolean": 4, "number": 1, "integer": 1, "string": 2, "array": 2, "object": 2}
_BOUNDS = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}
#: Lengths are floats, and no length is more than this unless there is no text: a chain of objects with two members doubles at each level.
_LONGEST = 1e300
#: The definitions are iterated over at most this many times; lengths that are infinite after that are unknown.
_MAX_ROUNDS = 50


def shortest(schema: EngineSchema, separator: int = 0) -> float:
    """A lower bound in bytes on the length of the shortest text, infinite if there is none. It is not always attained, since the
    requirements of several subschemas are not added up. separator: bytes of white space after each comma and colon."""
    return _Lengths(schema, separator).of(schema)


def without_empty(schema: EngineSchema) -> EngineSchema:
    """The schema with `false` in place of references to definitions without a finite text; `false` if it has none itself."""
    if isinstance(schema, bool):
        return schema
    lengths = _Lengths(schema, 0)
    if math.isinf(lengths.of(schema)):
        return False
    definitions = schema.get("$defs", {})
    empty = {f"#/$defs/{name}" for name in definitions if math.isinf(lengths.known[name])}
    kept = {name: part for name, part in definitions.items() if f"#/$defs/{name}" not in empty}
    return _replaced({**schema, "$defs": kept}, empty) if empty else schema


def _replaced(schema: Any, empty: set[str]) -> Any:
    """A schema, or a list of schemas, with `false` in place of these references. Names of properties and values of `enum` are data."""
    if isinstance(schema, list):
        return [_replaced(each, empty) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("$ref") in empty:
        return False
    replaced = {}
    for key, value in schema.items():
        if key in ("properties", "patternProperties", "$defs"):
            replaced[key] = {name: _replaced(part, empty) for name, part in value.items()}
        else:
            replaced[key] = value if key in ("enum", "required") else _replaced(value, empty)
    return replaced


class _Lengths:
    """Lower bounds by definition, a fixed point found by iteration from infinity."""

    def __init__(self, schema: EngineSchema, separator: int) -> None:
        self.separator = separator
        definitions: dict[str, EngineSchema] = {} if isinstance(schema, bool) else schema.get("$defs", {})
        self.root: float = math.inf
        self.known: dict[str, float] = dict.fromkeys(definitions, math.inf)
        for _ in range(_MAX_ROUNDS):
            before = (self.root, *self.known.values())
            for name, part in reversed(definitions.items()):
                self.known[name] = _bounded(self.of(part))
            self.root = _bounded(self.of(schema))
            if before == (self.root, *self.known.values()):
                return
        self.root = 1 if math.isinf(self.root) else self.root
        self.known = {name: 1 if math.isinf(length) else length for name, length in self.known.items()}

    def of(self, schema: EngineSchema) -> float:
        if isinstance(schema, bool):
            return 1 if schema else math.inf
        low = self.without_subschemas(schema)
        if "$ref" in schema:
            name = schema["$ref"].removeprefix("#/$defs/")
            low = max(low, self.known.get(name, self.root))
        for part in schema.get("allOf", ()):
            low = max(low, self.of(part))
        if "anyOf" in schema:
            low = max(low, min((self.of(part) for part in schema["anyOf"]), default=math.inf))
        return low

    def without_subschemas(self, schema: dict[str, Any]) -> float:
        if "enum" in schema:
            return min((len(json.dumps(value, ensure_ascii=False).encode()) for value in schema["enum"]), default=math.inf)
        if "type" not in schema and not schema.keys() & _BOUNDS:
            return 1  # a digit
        named = schema.get("type", TYPES)
        return min((self.of_type(schema, name) for name in ([named] if isinstance(named, str) else named)), default=math.inf)

    def of_type(self, schema: dict[str, Any], name: str) -> float:
        if name == "string":
            low, high = schema.get("minLength", 0), schema.get("maxLength", math.inf)
            return 2 + low if low <= high else math.inf
        if name == "array":
            low, high = schema.get("minItems", 0), schema.get("maxItems", math.inf)
            prefix = [self.of(part) for part in schema.get("prefixItems", ())[:low]]
            num_others = low - len(prefix)
            others = num_others * self.of(schema.get("items", True)) if num_others > 0 else 0
            return 2 + sum(prefix) + others + max(low - 1, 0) * (1 + self.separator) if low <= high else math.inf
        if name == "object":
            properties, required = schema.get("properties", {}), schema.get("required", ())
            other = schema.get("additionalProperties", True) if "patternProperties" not in schema else True
            members = [len(json.dumps(key)) + 1 + self.separator + self.of(properties.get(key, other)) for key in required]
            return 2 + sum(members) + max(len(members) - 1, 0) * (1 + self.separator)
        if name in ("number", "integer"):
            low = max(schema.get("minimum", -math.inf), schema.get("exclusiveMinimum", -math.inf))
            high = min(schema.get("maximum", math.inf), schema.get("exclusiveMaximum", math.inf))
            return 1 if low <= high else math.inf
        return _MIN_BYTES[name]


def _bounded(length: float) -> float:
    """A length that can be added up further; infinity stays."""
    return length if length == math.inf else float(min(length, _LONGEST))
