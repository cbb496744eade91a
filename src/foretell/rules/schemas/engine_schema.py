"""Schemas as the engine reads them: plain dicts of draft 2020-12, simplified as they are joined."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

#: A schema for the engine: a dict or a bool.
EngineSchema = dict[str, Any] | bool

TYPES = ("null", "boolean", "number", "string", "array", "object")
_KEYWORDS = {
    "number": "minimum exclusiveMinimum maximum exclusiveMaximum multipleOf",
    "string": "minLength maxLength pattern format",
    "array": "prefixItems items additionalItems unevaluatedItems contains minContains maxContains minItems maxItems uniqueItems",
    "object": "properties patternProperties additionalProperties unevaluatedProperties propertyNames required minProperties "
    "maxProperties dependentRequired dependentSchemas",
}
#: The type of values that a keyword restricts; keywords that restrict values of all types are missing.
TYPE_OF_KEYWORD = {keyword: name for name, keywords in _KEYWORDS.items() for keyword in keywords.split()}
#: The engine stores numbers as floats, so whole numbers are exact below this only.
MAX_EXACT_INTEGER = 2**53


def any_of(options: Iterable[EngineSchema]) -> EngineSchema:
    """The union of these schemas."""
    kept: list[EngineSchema] = []
    for option in options:
        if option is True or option == {}:
            return True
        if option is not False and option not in kept:
            kept.append(option)
    return False if not kept else kept[0] if len(kept) == 1 else {"anyOf": kept}


def all_of(parts: Iterable[EngineSchema]) -> EngineSchema:
    """The intersection of these schemas."""
    kept: list[EngineSchema] = []
    for part in parts:
        if part is False:
            return False
        if part is not True and part != {} and part not in kept:
            kept.append(part)
    return True if not kept else kept[0] if len(kept) == 1 else {"allOf": kept}


def all_in_order(before: Sequence[EngineSchema], own: dict[str, Any], after: Sequence[EngineSchema]) -> EngineSchema:
    """The intersection of all these schemas; objects have their properties in this order."""
    if any(each != {} and each is not True for each in before):
        return all_of([*before, own, *after])
    rest = all_of(after)
    if isinstance(rest, bool) or not own:
        return own if rest is True else rest
    if rest.keys() <= {"allOf", "anyOf"}:
        return {**own, **rest}
    return {**own, "allOf": [rest]}


def exactly(values: Iterable[Any]) -> EngineSchema:
    """The schema of exactly these JSON values. OverflowError for a number that the engine does not store exactly."""
    scalars: list[Any] = []
    others: list[EngineSchema] = []
    for value in values:
        if isinstance(value, list):
            items = [exactly([item]) for item in value]
            others.append({"type": "array", "prefixItems": items, "items": False, "minItems": len(items), "maxItems": len(items)})
        elif isinstance(value, dict):
            members = {name: exactly([member]) for name, member in value.items()}
            others.append({"type": "object", "properties": members, "required": list(members), "additionalProperties": False})
        else:
            scalars.append(_exact_scalar(value))
    return any_of([*([{"enum": scalars}] if scalars else []), *others])


def _exact_scalar(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if abs(value) >= MAX_EXACT_INTEGER or not math.isfinite(value):
        raise OverflowError(f"{value} is not stored exactly by the engine")
    return int(value) if value == int(value) else value


def stored_bound(bound: float, is_upper: bool) -> float | None:
    """The nearest bound that the engine stores exactly and that allows no less: at or above an upper bound, at or below a lower one. None
    if it is beyond the engine's whole numbers, which have 64 bits."""
    if abs(bound) < MAX_EXACT_INTEGER:
        return bound
    if abs(bound) >= 2**63:
        return None
    stored = int(float(bound))
    if (stored < bound) if is_upper else (stored > bound):
        stored = int(math.nextafter(stored, math.inf if is_upper else -math.inf))
    return stored if abs(stored) < 2**63 else None
