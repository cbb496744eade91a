"""Schemas in the engine's words: plain dicts of 2020-12, joined so that what is trivial vanishes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

#: A schema for the engine: a dict or a bool.
Plain = dict[str, Any] | bool

TYPES = ("null", "boolean", "number", "string", "array", "object")
#: Whole numbers beyond are not kept by the engine, which stores floats.
EXACT = 2**53


def any_of(options: Iterable[Plain]) -> Plain:
    """What one of these allows."""
    kept: list[Plain] = []
    for option in options:
        if option is True or option == {}:
            return True
        if option is not False and option not in kept:
            kept.append(option)
    return False if not kept else kept[0] if len(kept) == 1 else {"anyOf": kept}


def all_of(parts: Iterable[Plain]) -> Plain:
    """What all of these allow."""
    kept: list[Plain] = []
    for part in parts:
        if part is False:
            return False
        if part is not True and part != {} and part not in kept:
            kept.append(part)
    return True if not kept else kept[0] if len(kept) == 1 else {"allOf": kept}


def joined(before: Sequence[Plain], own: dict[str, Any], parts: Sequence[Plain]) -> Plain:
    """All of `before`, `own` and the parts; properties come in that order."""
    if any(each != {} and each is not True for each in before):
        return all_of([*before, own, *parts])
    rest = all_of(parts)
    if isinstance(rest, bool) or not own:
        return own if rest is True else rest
    if rest.keys() <= {"allOf", "anyOf"}:
        return {**own, **rest}
    return {**own, "allOf": [rest]}


def one_of_values(values: Iterable[Any]) -> Plain:
    """Exactly these values. OverflowError where a number among them is beyond what the engine keeps."""
    scalars: list[Any] = []
    others: list[Plain] = []
    for value in values:
        if isinstance(value, list):
            items = [one_of_values([item]) for item in value]
            others.append({"type": "array", "prefixItems": items, "items": False, "minItems": len(items), "maxItems": len(items)})
        elif isinstance(value, dict):
            members = {name: one_of_values([member]) for name, member in value.items()}
            others.append({"type": "object", "properties": members, "required": list(members), "additionalProperties": False})
        else:
            scalars.append(_kept(value))
    return any_of([*([{"enum": scalars}] if scalars else []), *others])


def _kept(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if abs(value) >= EXACT or not math.isfinite(value):
        raise OverflowError(f"{value} is beyond what the engine keeps")
    return int(value) if value == int(value) else value


def outward(bound: float, up: bool) -> float:
    """A bound that the engine keeps, at or beyond the given one."""
    try:
        kept = float(bound)
    except OverflowError:
        return math.inf if up else -math.inf
    if isinstance(bound, int) and abs(bound) >= EXACT and ((kept < bound) if up else (kept > bound)):
        return math.nextafter(kept, math.inf if up else -math.inf)
    return bound if abs(bound) < EXACT else kept
