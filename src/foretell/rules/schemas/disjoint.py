"""Whether no value is allowed by two schemas at once, where that is plain to see."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from foretell.rules.schemas.engine_schema import TYPES, Plain

#: How deep properties and references are followed.
_DEPTH = 6
#: Pairs that are compared, at most.
_MOST = 30_000


class Disjoint:
    """Answers for schemas of the engine that refer to `definitions` by `#/$defs/NAME`, and to `root` by `#`."""

    def __init__(self, definitions: dict[str, Plain]) -> None:
        self.definitions = definitions
        self.left = _MOST

    def __call__(self, a: Plain, b: Plain, depth: int = 0) -> bool:
        """Whether `a` and `b` certainly share nothing."""
        if a is False or b is False:
            return True
        self.left -= 1
        if depth > _DEPTH or self.left < 0:
            return False
        left, right = list(self.parts(a)), list(self.parts(b))
        if not self.types(left) & self.types(right):
            return True
        for one, other in ((left, right), (right, left)):
            for part in one:
                options = part.get("anyOf")
                if options and all(self(option, {"allOf": other}, depth + 1) for option in options):
                    return True
                if "enum" in part and not any(self.may_be(other, value) for value in part["enum"]):
                    return True
        if self.types(left) & self.types(right) == {"number"}:
            return _bound(left, "minimum", max) > _bound(right, "maximum", min) or _bound(right, "minimum", max) > _bound(
                left, "maximum", min
            )
        if self.types(left) & self.types(right) == {"object"}:
            needed = {name for part in (*left, *right) for name in part.get("required", ())}
            return any(self(self.member(left, name), self.member(right, name), depth + 1) for name in needed)
        return False

    def parts(self, schema: Plain) -> Iterator[dict[str, Any]]:
        """The schemas that all hold: references, each followed once, and `allOf` are taken apart."""
        waiting, followed = [schema], set()
        while waiting:
            part = waiting.pop()
            if part is False:
                yield {"type": []}
            if isinstance(part, bool):
                continue
            yield part
            waiting += part.get("allOf", ())
            name = part.get("$ref", "").removeprefix("#/$defs/")
            if name in self.definitions and name not in followed:
                followed.add(name)
                waiting.append(self.definitions[name])

    def types(self, parts: list[dict[str, Any]]) -> set[str]:
        """The types that values may have; `integer` counts as `number`."""
        left = set(TYPES)
        for part in parts:
            if "type" in part:
                named = [part["type"]] if isinstance(part["type"], str) else part["type"]
                left &= {"number" if name == "integer" else name for name in named}
            if "enum" in part:
                left &= {_type(value) for value in part["enum"]}
        return left

    def may_be(self, parts: list[dict[str, Any]], value: Any) -> bool:
        """Whether a scalar may be a value of all these."""
        if _type(value) not in self.types(parts):
            return False
        for part in parts:
            if "enum" in part and not any(type(each) is type(value) and each == value for each in part["enum"]):
                return False
            if "anyOf" in part and not any(self.may_be(list(self.parts(option)), value) for option in part["anyOf"]):
                return False
        return True

    def member(self, parts: list[dict[str, Any]], name: str) -> Plain:
        """What is asked of the member of that name."""
        found: list[Plain] = []
        for part in parts:
            if name in part.get("properties", {}):
                found.append(part["properties"][name])
            elif "patternProperties" not in part and "additionalProperties" in part:
                found.append(part["additionalProperties"])
        return {"allOf": found}


def _type(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return "null" if value is None else "boolean"
    return (
        "number"
        if isinstance(value, int | float)
        else "string"
        if isinstance(value, str)
        else "array"
        if isinstance(value, list)
        else "object"
    )


def _bound(parts: list[dict[str, Any]], name: str, most: Any) -> float:
    return most((part[name] for part in parts if name in part), default=float("-inf" if name == "minimum" else "inf"))
