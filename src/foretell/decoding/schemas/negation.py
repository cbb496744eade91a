"""What a schema does not allow, as far as the engine can say it: the negation of a conjunction, word by word."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from foretell.decoding.schemas.engine_schema import TYPES, Plain, all_of, any_of
from foretell.decoding.schemas.graph import Node
from foretell.decoding.schemas.strings import format_schema

#: Negations within negations are followed so deep.
_DEPTH = 8
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


def negation(node: Node, formats: bool, depth: int = 0) -> tuple[Plain, bool]:
    """(a schema that allows all that the node does not, whether it allows nothing else)."""
    if node.never:
        return True, True
    if depth > _DEPTH:
        return True, False
    options = [_denied(node, word, value, formats, depth + 1) for word, value in node.words.items() if word not in ("then", "else")]
    return any_of(option for option, _ in options), all(exact for _, exact in options)


def _denied(node: Node, word: str, value: Any, formats: bool, depth: int) -> tuple[Plain, bool]:
    if word == "type":
        return _other_types(value)
    if word in ("const", "enum"):
        return _other_values([value] if word == "const" else value)
    if word in _BEYOND:
        return {"type": "number", _BEYOND[word]: value}, abs(value) < 2**53
    if word[:3] in ("min", "max") and word[3:] in _COUNTS:
        bound = int(value)
        if word.startswith("max"):
            return {"type": _COUNTS[word[3:]], "min" + word[3:]: bound + 1}, True
        return ({"type": _COUNTS[word[3:]], "max" + word[3:]: bound - 1} if bound else False), True
    if word == "required":
        return any_of({"type": "object", "properties": {name: False}} for name in value), True
    if word == "properties":
        return _some([_without(name, *negation(part, formats, depth)) for name, part in value.items()])
    if word == "not":
        return True, False
    if word == "format" and (not formats or format_schema(value) is None):
        return False, True
    if word in ("allOf", "$ref"):
        return _some(negation(part, formats, depth) for part in value)
    if word == "anyOf":
        parts = [negation(part, formats, depth) for part in value]
        return all_of(part for part, _ in parts), all(exact for _, exact in parts)
    if word in ("oneOf", "if", "dependentSchemas"):
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
    few = len(numbers) <= 4 and all(abs(number) < 2**53 for number in numbers)
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
    vague = [name for name in ("string", "array", "object") if kinds[name]]
    options += [{"type": vague}] if vague else []
    return any_of(options), not vague and (few or not numbers)
