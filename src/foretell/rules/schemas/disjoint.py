"""Whether two schemas allow no common value, as far as that is easy to prove."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from foretell.rules.schemas.engine_schema import TYPES, EngineSchema

#: How deep properties and references are followed, and how many pairs of schemas are compared.
_MAX_DEPTH, _MAX_PAIRS = 6, 30_000


class Disjoint:
    """Tests pairs of engine schemas. definitions: by name, what "#/$defs/NAME" refers to; other references count as `true`."""

    def __init__(self, definitions: dict[str, EngineSchema]) -> None:
        self.definitions = definitions
        self.num_left = _MAX_PAIRS

    def __call__(self, a: EngineSchema, b: EngineSchema, depth: int = 0) -> bool:
        """Whether it is certain that no value satisfies both `a` and `b`."""
        if a is False or b is False:
            return True
        self.num_left -= 1
        if depth > _MAX_DEPTH or self.num_left < 0:
            return False
        left, right = list(self.conjuncts(a)), list(self.conjuncts(b))
        common = self.types(left) & self.types(right)
        if not common:
            return True
        for one, other in ((left, right), (right, left)):
            for part in one:
                options = part.get("anyOf")
                if options and all(self(option, {"allOf": other}, depth + 1) for option in options):
                    return True
                if "enum" in part and not any(self.may_equal(other, value) for value in part["enum"]):
                    return True
        if common == {"number"}:
            return _low(left) > _high(right) or _low(right) > _high(left)
        if common == {"object"}:
            required = {name for part in (*left, *right) for name in part.get("required", ())}
            return any(self(self.member(left, name), self.member(right, name), depth + 1) for name in required)
        return False

    def conjuncts(self, schema: EngineSchema) -> Iterator[dict[str, Any]]:
        """The schemas that a value must satisfy together; `allOf` and references (each once) are expanded."""
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

    def types(self, conjuncts: list[dict[str, Any]]) -> set[str]:
        """The types that values may have; `integer` counts as `number`."""
        types = set(TYPES)
        for part in conjuncts:
            if "type" in part:
                named = [part["type"]] if isinstance(part["type"], str) else part["type"]
                types &= {"number" if name == "integer" else name for name in named}
            if "enum" in part:
                types &= {_type(value) for value in part["enum"]}
        return types

    def may_equal(self, conjuncts: list[dict[str, Any]], value: Any) -> bool:
        """Whether a scalar may satisfy all these schemas."""
        if _type(value) not in self.types(conjuncts):
            return False
        for part in conjuncts:
            if "enum" in part and not any(type(each) is type(value) and each == value for each in part["enum"]):
                return False
            if "anyOf" in part and not any(self.may_equal(list(self.conjuncts(option)), value) for option in part["anyOf"]):
                return False
        return True

    def member(self, conjuncts: list[dict[str, Any]], name: str) -> EngineSchema:
        """The schema of the member of that name."""
        schemas: list[EngineSchema] = []
        for part in conjuncts:
            if name in part.get("properties", {}):
                schemas.append(part["properties"][name])
            elif "patternProperties" not in part and "additionalProperties" in part:
                schemas.append(part["additionalProperties"])
        return {"allOf": schemas}


def _type(value: Any) -> str:
    if value is None:
        return "null"
    for name, classes in (("boolean", bool), ("number", (int, float)), ("string", str), ("array", list)):
        if isinstance(value, classes):
            return name
    return "object"


def _low(conjuncts: list[dict[str, Any]]) -> float:
    return max((part["minimum"] for part in conjuncts if "minimum" in part), default=float("-inf"))


def _high(conjuncts: list[dict[str, Any]]) -> float:
    return min((part["maximum"] for part in conjuncts if "maximum" in part), default=float("inf"))
