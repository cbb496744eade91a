"""What a schema does not allow, as far as the engine can say it: the negation of a conjunction, word by word."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from foretell.rules.schemas.engine_schema import EXACT, TYPES, Plain, all_of, any_of
from foretell.rules.schemas.excluding import excluding
from foretell.rules.schemas.graph import Node
from foretell.rules.schemas.strings import format_schema

#: Nodes whose negation is made, at most.
_MOST = 500
#: A bound's opposite.
_BEYOND = {
    "minimum": "exclusiveMaximum",
    "maximum": "exclusiveMinimum",
    "exclusiveMinimum": "maximum",
    "exclusiveMaximum": "minimum",
}
_COUNTS = {"Length": "string", "Items": "array"}
_ABOUT = {
    "string": ("pattern", "format"),
    "number": ("multipleOf",),
    "array": ("prefixItems", "items", "contains", "uniqueItems", "unevaluatedItems"),
}
_KIND = {word: kind for kind, words in _ABOUT.items() for word in words}


@dataclass
class Negation:
    """Negations of a graph's nodes, each made once. formats: whether those that are known are enforced. left: how many more nodes are
    followed before all is left open."""

    formats: bool
    left: int = _MOST
    known: dict[Node, tuple[Plain, bool]] = field(default_factory=dict)

    def __call__(self, node: Node) -> tuple[Plain, bool]:
        """(a schema that allows all that the node does not, whether it allows nothing else)."""
        if node.never:
            return True, True
        if node not in self.known:
            self.left -= 1
            if self.left < 0:
                return True, False
            self.known[node] = True, False  # while it is being made; nodes that lead back here without a value between are refused
            self.known[node] = _some(self.denied(word, value) for word, value in node.words.items() if word not in ("then", "else"))
        return self.known[node]

    def denied(self, word: str, value: Any) -> tuple[Plain, bool]:
        """What one word does not allow."""
        if word == "type":
            return _other_types(value)
        if word in ("const", "enum"):
            return _other_values([value] if word == "const" else value)
        if word in _BEYOND:
            return {"type": "number", _BEYOND[word]: value}, abs(value) < EXACT
        if word[:3] in ("min", "max") and word[3:] in _COUNTS:
            kind, bound = _COUNTS[word[3:]], int(value)
            if word.startswith("max"):
                return {"type": kind, "min" + word[3:]: bound + 1}, True
            return ({"type": kind, "max" + word[3:]: bound - 1} if bound else False), True
        if word == "required":
            return any_of({"type": "object", "properties": {name: False}} for name in value), True
        if word == "properties":
            return _some(_without(name, *self(part)) for name, part in value.items())
        if word == "format" and (not self.formats or format_schema(value) is None):
            return False, True
        if word in ("allOf", "$ref"):
            return _some(self(part) for part in value)
        if word == "anyOf":
            parts = [self(part) for part in value]
            return all_of(part for part, _ in parts), all(exact for _, exact in parts)
        if word in ("not", "oneOf", "if", "dependentSchemas"):
            return True, False
        return {"type": _KIND.get(word, "object")}, False


def _some(parts: Iterable[tuple[Plain, bool]]) -> tuple[Plain, bool]:
    parts = list(parts)
    return any_of(part for part, _ in parts), all(exact for _, exact in parts)


def _without(name: str, part: Plain, exact: bool) -> tuple[Plain, bool]:
    return (False if part is False else {"type": "object", "required": [name], "properties": {name: part}}), exact


def _other_types(types: list[str]) -> tuple[Plain, bool]:
    rest = [name for name in TYPES if name not in types]
    return ({"type": rest} if rest else False), "number" in types or "integer" not in types


def _other_values(values: list[Any]) -> tuple[Plain, bool]:
    numbers = sorted(value for value in values if isinstance(value, int | float) and not isinstance(value, bool))
    kinds = {
        "null": any(value is None for value in values),
        "boolean": any(isinstance(value, bool) for value in values),
        "number": bool(numbers),
        "string": any(isinstance(value, str) for value in values),
        "array": any(isinstance(value, list) for value in values),
        "object": any(isinstance(value, dict) for value in values),
    }
    options: list[Plain] = [{"type": [name for name, there in kinds.items() if not there]}] if not all(kinds.values()) else []
    if kinds["boolean"]:
        options += [{"enum": [each]} for each in (True, False) if not any(value is each for value in values)]
    few = len(numbers) <= 4 and all(abs(number) < EXACT for number in numbers)
    if numbers and few:
        options += [
            {"type": "number"}
            | ({"exclusiveMinimum": low} if low is not None else {})
            | ({"exclusiveMaximum": high} if high is not None else {})
            for low, high in zip([None, *numbers], [*numbers, None], strict=True)
            if low != high
        ]
    elif numbers:
        options.append({"type": "number"})
    other = excluding(value for value in values if isinstance(value, str)) if kinds["string"] else None
    options += [{"type": "string", "pattern": other}] if other is not None else []
    vague = [name for name in ("string", "array", "object") if kinds[name] and not (name == "string" and other is not None)]
    options += [{"type": vague}] if vague else []
    return any_of(options), not vague and (few or not numbers)
