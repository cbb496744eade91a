"""The judge: the `jsonschema` package, never fetching anything, with patterns, formats and decimal multiples checked as they are written.

jsonschema itself searches with Python's `re`, which may take exponential time, lets formats pass, and divides floats.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from typing import Any

import jsonschema_specifications
from jsonschema import validators
from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator

from foretell.decoding.schemas.graph import Graph, Node
from foretell.decoding.schemas.strings import PatternError, has_format, has_pattern

_Errors = Iterator[ValidationError]


@cache
def judge_class(draft: type[Validator], formats: bool) -> type[Validator]:
    """The draft's validator with our keywords. formats: whether those that are known are enforced."""
    ours = {"pattern": _pattern, "multipleOf": _multiple_of, "patternProperties": _pattern_properties}
    ours |= {"additionalProperties": _additional_properties, "format": _format if formats else _nothing}
    return validators.extend(draft, {name: rule for name, rule in ours.items() if name in draft.VALIDATORS})  # type: ignore[attr-defined]


class Judge:
    """Verdicts on values by the graph's nodes. formats: whether those that are known are enforced."""

    def __init__(self, graph: Graph, formats: bool) -> None:
        # The schema has no `$schema` in it any more, which would call for the draft's own class.
        self.whole: Any = judge_class(graph.draft, formats)(graph.root.schema, registry=jsonschema_specifications.REGISTRY)  # type: ignore[call-arg]
        self.root = graph.root
        self.known: dict[Node, Any] = {}

    def valid(self, node: Node, value: Any) -> bool:
        """Whether the value is valid there; False too where that cannot be told, since a pattern takes too long or nesting is too deep."""
        if node not in self.known:
            self.known[node] = self.whole.evolve(schema=node.schema, _resolver=node.resolver)
        return self.ask(self.known[node], value)

    def has(self, node: Node, words: dict[str, Any], value: Any) -> bool:
        """Whether the value is valid by these words, read where the node is."""
        return self.ask(self.whole.evolve(schema=words, _resolver=node.resolver), value)

    def ask(self, validator: Any, value: Any) -> bool:
        try:
            return validator.is_valid(value)
        except (PatternError, RecursionError):
            return False


def _nothing(validator: Validator, value: Any, instance: Any, schema: Any) -> _Errors:
    yield from ()


def _pattern(validator: Validator, value: str, instance: Any, schema: Any) -> _Errors:
    if isinstance(instance, str) and not has_pattern(value, instance):
        yield ValidationError(f"{instance!r} does not match {value!r}")


def _format(validator: Validator, value: str, instance: Any, schema: Any) -> _Errors:
    if isinstance(instance, str) and not has_format(value, instance):
        yield ValidationError(f"{instance!r} is not a {value!r}")


def decimal(number: float) -> Fraction:
    """The number as it is written, not as it is stored. OverflowError for infinity."""
    return (
        Fraction(number if isinstance(number, int) else repr(number)) if number == number and abs(number) != float("inf") else _no(number)
    )


def _no(number: float) -> Fraction:
    raise OverflowError(f"{number} is no decimal number")


def _multiple_of(validator: Validator, value: float, instance: Any, schema: Any) -> _Errors:
    if validator.is_type(instance, "number"):
        try:
            good = decimal(instance) % decimal(value) == 0
        except OverflowError:
            good = False
        if not good:
            yield ValidationError(f"{instance!r} is not a multiple of {value!r}")


def _pattern_properties(validator: Any, value: dict[str, Any], instance: Any, schema: Any) -> _Errors:
    if isinstance(instance, dict):
        for pattern, subschema in value.items():
            for key, member in instance.items():
                if has_pattern(pattern, key):
                    yield from validator.descend(member, subschema, path=key, schema_path=pattern)


def _additional_properties(validator: Any, value: Any, instance: Any, schema: Any) -> _Errors:
    if isinstance(instance, dict):
        patterns = schema.get("patternProperties", {})
        for key, member in instance.items():
            if key not in schema.get("properties", {}) and not any(has_pattern(pattern, key) for pattern in patterns):
                yield from validator.descend(member, value, path=key)
