"""The negation of a schema as far as the engine supports it: that of a conjunction, keyword by keyword."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from foretell.rules.schemas.engine_patterns import excluding_pattern
from foretell.rules.schemas.engine_schema import MAX_EXACT_INTEGER, TYPE_OF_KEYWORD, TYPES, EngineSchema, all_of, any_of
from foretell.rules.schemas.excluded_words import excluding
from foretell.rules.schemas.formats import FORMATS
from foretell.rules.schemas.schema_graph import SchemaNode

#: The most nodes whose negation is made.
_MAX_NODES = 500
_OPPOSITE_BOUND = {
    "minimum": "exclusiveMaximum",
    "maximum": "exclusiveMinimum",
    "exclusiveMinimum": "maximum",
    "exclusiveMaximum": "minimum",
}
_COUNTED_TYPE = {"Length": "string", "Items": "array"}

#: (a schema that allows at least all that is not allowed, whether it allows nothing else).
NegatedSchema = tuple[EngineSchema, bool]


@dataclass
class Negation:
    """The negations of a graph's nodes, each made once. formats: whether known formats are enforced. num_left: nodes that may still be
    negated; further negations allow everything."""

    formats: bool
    num_left: int = _MAX_NODES
    known: dict[SchemaNode, NegatedSchema] = field(default_factory=dict)

    def __call__(self, node: SchemaNode) -> NegatedSchema:
        """The negation of a node."""
        if node.allows_nothing:
            return True, True
        if node not in self.known:
            self.num_left -= 1
            if self.num_left < 0:
                return True, False
            self.known[node] = True, False  # for nodes that lead back here through members or items
            self.known[node] = _any_of(
                self.of_keyword(keyword, value) for keyword, value in node.keywords.items() if keyword not in ("then", "else")
            )
        return self.known[node]

    def of_keyword(self, keyword: str, value: Any) -> NegatedSchema:
        """The negation of one keyword."""
        if keyword == "type":
            return _other_types(value)
        if keyword in ("const", "enum"):
            return _other_values([value] if keyword == "const" else value)
        if keyword in _OPPOSITE_BOUND:
            is_exact = abs(value) < MAX_EXACT_INTEGER
            return {"type": "number", **({_OPPOSITE_BOUND[keyword]: value} if is_exact else {})}, is_exact
        if keyword[:3] in ("min", "max") and keyword[3:] in _COUNTED_TYPE:
            name, bound = _COUNTED_TYPE[keyword[3:]], int(value)
            if keyword.startswith("max"):
                return {"type": name, "min" + keyword[3:]: bound + 1}, True
            return ({"type": name, "max" + keyword[3:]: bound - 1} if bound else False), True
        if keyword == "required":
            return any_of({"type": "object", "properties": {name: False}} for name in value), True
        if keyword == "properties":
            return _any_of(_with_member(name, *self(part)) for name, part in value.items())
        if keyword == "format" and (not self.formats or value not in FORMATS):
            return False, True
        if keyword == "pattern" or (keyword == "format" and FORMATS[value].is_valid is None):
            excluded = [excluding_pattern(pattern) for pattern in ([value] if keyword == "pattern" else FORMATS[value].patterns)]
            if None not in excluded:
                return any_of({"type": "string", "pattern": text} for texts in excluded for text in texts or ()), True
        if keyword in ("allOf", "$ref"):
            return _any_of(self(part) for part in value)
        if keyword == "anyOf":
            parts = [self(part) for part in value]
            return all_of(part for part, _ in parts), all(is_exact for _, is_exact in parts)
        if keyword in ("not", "oneOf", "if", "dependentSchemas"):
            return True, False
        return {"type": TYPE_OF_KEYWORD[keyword]}, False


def _any_of(parts: Iterable[NegatedSchema]) -> NegatedSchema:
    parts = list(parts)
    return any_of(part for part, _ in parts), all(is_exact for _, is_exact in parts)


def _with_member(name: str, part: EngineSchema, is_exact: bool) -> NegatedSchema:
    """Objects that have a member `name` with such a value."""
    return (False if part is False else {"type": "object", "required": [name], "properties": {name: part}}), is_exact


def _other_types(types: list[str]) -> NegatedSchema:
    rest = [name for name in TYPES if name not in types]
    return ({"type": rest} if rest else False), "number" in types or "integer" not in types


def _other_values(values: list[Any]) -> NegatedSchema:
    numbers = sorted(value for value in values if isinstance(value, int | float) and not isinstance(value, bool))
    has_type = {
        "null": any(value is None for value in values),
        "boolean": any(isinstance(value, bool) for value in values),
        "number": bool(numbers),
        "string": any(isinstance(value, str) for value in values),
        "array": any(isinstance(value, list) for value in values),
        "object": any(isinstance(value, dict) for value in values),
    }
    options: list[EngineSchema] = [{"type": [name for name, has in has_type.items() if not has]}] if not all(has_type.values()) else []
    if has_type["boolean"]:
        options += [{"enum": [each]} for each in (True, False) if not any(value is each for value in values)]
    are_few = len(numbers) <= 4 and all(abs(number) < MAX_EXACT_INTEGER for number in numbers)
    if numbers and are_few:
        options += [
            {"type": "number"}
            | ({"exclusiveMinimum": low} if low is not None else {})
            | ({"exclusiveMaximum": high} if high is not None else {})
            for low, high in zip([None, *numbers], [*numbers, None], strict=True)
            if low != high
        ]
    elif numbers:
        options.append({"type": "number"})
    pattern = excluding(value for value in values if isinstance(value, str)) if has_type["string"] else None
    options += [{"type": "string", "pattern": pattern}] if pattern is not None else []
    inexact = [name for name in ("string", "array", "object") if has_type[name] and not (name == "string" and pattern is not None)]
    options += [{"type": inexact}] if inexact else []
    return any_of(options), not inexact and (are_few or not numbers)
