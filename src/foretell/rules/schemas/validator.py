"""The judge: the `jsonschema` package, never fetching anything, with patterns, formats and decimal multiples checked as they are written.

jsonschema itself searches with Python's `re`, which may take exponential time, lets formats pass, and divides floats.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextvars import ContextVar
from fractions import Fraction
from functools import cache
from typing import Any

from foretell.rules.schemas.graph import Graph, Node
from foretell.rules.schemas.package import package
from foretell.rules.schemas.strings import PatternError, has_format, has_pattern

#: References that one verdict may follow.
MOST_REFERENCES = 50_000
_Errors = Iterator[Any]


@cache
def judge_class(draft: Any, formats: bool) -> Any:
    """The draft's validator with our keywords. formats: whether those that are known are enforced."""
    ours: dict[str, Any] = {"pattern": _pattern, "multipleOf": _multiple_of, "patternProperties": _pattern_properties}
    ours |= {"additionalProperties": _additional_properties, "format": _format if formats else _nothing}
    ours |= {name: _counted(draft.VALIDATORS[name]) for name in ("$ref", "$dynamicRef", "$recursiveRef") if name in draft.VALIDATORS}
    return package().validators.extend(draft, {name: rule for name, rule in ours.items() if name in draft.VALIDATORS})


class Judge:
    """Verdicts on values by the graph's nodes. formats: whether those that are known are enforced."""

    def __init__(self, graph: Graph, formats: bool) -> None:
        # The schema has no `$schema` in it any more, which would call for the draft's own class.
        draft: Any = graph.draft
        self.whole: Any = judge_class(draft, formats)(graph.root.schema, registry=package().registry)
        self.root = graph.root
        self.known: dict[Node, Any] = {}

    def decide(self, node: Node, value: Any) -> bool:
        """Whether the value is valid there. PatternError where that takes too long, RecursionError where nesting is too deep."""
        if node not in self.known:
            self.known[node] = self.whole.evolve(schema=node.schema, _resolver=node.resolver)
        return _within_budget(self.known[node], value)

    def valid(self, node: Node, value: Any) -> bool:
        """Whether the value is known to be valid there."""
        try:
            return self.decide(node, value)
        except (PatternError, RecursionError):
            return False

    def reason(self, value: Any) -> str:
        """Why the value is not valid by the whole schema; empty where it is."""
        token = _budget.set(_Budget())
        try:
            error = next(self.whole.iter_errors(value), None)
            return "" if error is None else f"#{''.join(f'/{part}' for part in error.absolute_path)}: {error.message[:300]}"
        except (PatternError, RecursionError) as failure:
            return str(failure)
        finally:
            _budget.reset(token)

    def has(self, node: Node, words: dict[str, Any], value: Any) -> bool:
        """Whether the value is known to be valid by these words, read where the node is."""
        try:
            return _within_budget(self.whole.evolve(schema=words, _resolver=node.resolver), value)
        except (PatternError, RecursionError):
            return False


class _Budget:
    """References that one verdict may still follow: all that can repeat itself goes through them."""

    def __init__(self) -> None:
        self.left = MOST_REFERENCES

    def spend(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise PatternError(f"a verdict follows more than {MOST_REFERENCES} references")


_budget: ContextVar[_Budget] = ContextVar("budget")


def _within_budget(validator: Any, value: Any) -> bool:
    token = _budget.set(_Budget())
    try:
        return validator.is_valid(value)
    finally:
        _budget.reset(token)


def _counted(rule: Callable[..., _Errors]) -> Callable[..., _Errors]:
    def follow(validator: Any, value: Any, instance: Any, schema: Any) -> _Errors:
        _budget.get().spend()
        yield from rule(validator, value, instance, schema) or ()

    return follow


def _nothing(validator: Any, value: Any, instance: Any, schema: Any) -> _Errors:
    yield from ()


def _pattern(validator: Any, value: str, instance: Any, schema: Any) -> _Errors:
    if isinstance(instance, str) and not has_pattern(value, instance):
        yield package().ValidationError(f"{instance!r} does not match {value!r}")


def _format(validator: Any, value: str, instance: Any, schema: Any) -> _Errors:
    if isinstance(instance, str) and not has_format(value, instance):
        yield package().ValidationError(f"{instance!r} is not a {value!r}")


def decimal(number: float) -> Fraction:
    """The number as it is written, not as it is stored. OverflowError for infinity."""
    return (
        Fraction(number if isinstance(number, int) else repr(number)) if number == number and abs(number) != float("inf") else _no(number)
    )


def _no(number: float) -> Fraction:
    raise OverflowError(f"{number} is no decimal number")


def _multiple_of(validator: Any, value: float, instance: Any, schema: Any) -> _Errors:
    if validator.is_type(instance, "number"):
        try:
            good = decimal(instance) % decimal(value) == 0
        except OverflowError:
            good = False
        if not good:
            yield package().ValidationError(f"{instance!r} is not a multiple of {value!r}")


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
