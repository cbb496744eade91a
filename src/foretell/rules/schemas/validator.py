"""Validation of values with the `jsonschema` package, without fetching references.

jsonschema itself searches patterns with Python's `re`, which may take exponential time, ignores formats, and divides floats. Here
patterns and formats are tested by the engine, multiples in decimal, and the number of followed references is limited.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextvars import ContextVar
from fractions import Fraction
from functools import cache
from typing import Any

from foretell.rules.schemas.drafts import drafts, package
from foretell.rules.schemas.mixed_drafts import mixed_classes
from foretell.rules.schemas.schema_graph import SchemaGraph, SchemaNode
from foretell.rules.schemas.strings import PatternError, has_format, has_pattern

#: The most references that one validation may follow.
MAX_REFERENCES = 50_000
_Errors = Iterator[Any]


@cache
def validator_class(base: Any, formats: bool) -> Any:
    """A draft's validator class with our implementations of keywords. base: jsonschema's. formats: whether known formats are enforced."""
    ours: dict[str, Any] = {"pattern": _pattern, "multipleOf": _multiple_of, "patternProperties": _pattern_properties}
    ours |= {"additionalProperties": _additional_properties, "format": _format if formats else _annotation}
    ours |= {name: _counted(base.VALIDATORS[name]) for name in ("$ref", "$dynamicRef", "$recursiveRef") if name in base.VALIDATORS}
    if "$recursiveRef" in base.VALIDATORS:  # draft 2019-09
        ours["unevaluatedProperties"] = _unevaluated_properties_2019
    return package().validators.extend(base, {name: rule for name, rule in ours.items() if name in base.VALIDATORS})


class SchemaValidator:
    """Validates values at the nodes of a graph. formats: whether known formats are enforced."""

    def __init__(self, graph: SchemaGraph, formats: bool) -> None:
        self._classes = {draft.number: validator_class(draft.validator, formats) for draft in drafts()}
        if graph.choice.by_schema:
            self._classes = mixed_classes(graph.choice, self._classes)
        self.root, self.formats = graph.root, formats
        self.whole = self._at(self.root, self.root.schema)
        self._validators: dict[tuple[SchemaNode, str], Any] = {}

    def _at(self, node: SchemaNode, schema: Any) -> Any:
        """A validator of a schema whose references start at the node."""
        return self._classes[node.draft.number](schema, registry=package().registry, _resolver=node.resolver)

    def is_valid(self, node: SchemaNode, value: Any, without: str = "") -> bool:
        """Whether the value is valid at the node. without: a keyword to leave out, as the `enum` that the value is from.
        PatternError if a search or too many references take too long, RecursionError for values that are nested too deeply."""
        if (node, without) not in self._validators:
            schema = {key: each for key, each in node.schema.items() if key != without} if without else node.schema
            self._validators[node, without] = self._at(node, schema)
        return _within_budget(self._validators[node, without].is_valid, value)

    def is_surely_valid(self, node: SchemaNode, value: Any) -> bool:
        """`is_valid`; False where it raises."""
        try:
            return self.is_valid(node, value)
        except (PatternError, RecursionError):
            return False

    def surely_satisfies(self, node: SchemaNode, keywords: dict[str, Any], value: Any) -> bool:
        """Whether the value satisfies a schema of these keywords, whose references start at the node; False where that takes too long."""
        try:
            return _within_budget(self._at(node, keywords).is_valid, value)
        except (PatternError, RecursionError):
            return False

    def first_error(self, value: Any) -> str:
        """The first reason why the value is not valid by the whole schema; empty if it is valid."""
        try:
            error = _within_budget(lambda value: next(self.whole.iter_errors(value), None), value)
            return "" if error is None else f"#{''.join(f'/{part}' for part in error.absolute_path)}: {error.message[:300]}"
        except (PatternError, RecursionError) as failure:
            return str(failure)


#: References that the current validation may still follow, in a list of one; every loop of a schema passes through a reference.
_num_left: ContextVar[list[int]] = ContextVar("num_left")


def _within_budget(validate: Callable[[Any], Any], value: Any) -> Any:
    token = _num_left.set([MAX_REFERENCES])
    try:
        return validate(value)
    finally:
        _num_left.reset(token)


def _counted(rule: Callable[..., _Errors]) -> Callable[..., _Errors]:
    def follow(validator: Any, value: Any, instance: Any, schema: Any) -> _Errors:
        budget = _num_left.get()
        budget[0] -= 1
        if budget[0] < 0:
            raise PatternError(f"the validation follows more than {MAX_REFERENCES} references")
        yield from rule(validator, value, instance, schema) or ()

    return follow


def _annotation(validator: Any, value: Any, instance: Any, schema: Any) -> _Errors:
    yield from ()


def _pattern(validator: Any, value: str, instance: Any, schema: Any) -> _Errors:
    if isinstance(instance, str) and not has_pattern(value, instance):
        yield package().ValidationError(f"{instance!r} does not match {value!r}")


def _format(validator: Any, value: str, instance: Any, schema: Any) -> _Errors:
    if isinstance(instance, str) and not has_format(value, instance):
        yield package().ValidationError(f"{instance!r} is not a {value!r}")


def _decimal(number: float) -> Fraction:
    """The number as it is printed, not as it is stored. ValueError and OverflowError for NaN and infinity."""
    return Fraction(number if isinstance(number, int) else repr(number))


def _multiple_of(validator: Any, value: float, instance: Any, schema: Any) -> _Errors:
    if validator.is_type(instance, "number"):
        try:
            is_multiple = _decimal(instance) % _decimal(value) == 0
        except (ValueError, OverflowError):
            is_multiple = False
        if not is_multiple:
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


def _unevaluated_properties_2019(validator: Any, value: Any, instance: Any, schema: Any) -> _Errors:
    """jsonschema's rule of this draft overlooks what schemas of `additionalProperties` evaluate, which that of 2020-12 does not; that one
    overlooks `$recursiveRef`."""
    old, new = (getattr(package().validators, f"Draft{year}Validator").VALIDATORS for year in ("201909", "202012"))
    errors = list(old["unevaluatedProperties"](validator, value, instance, schema))
    if errors and next(new["unevaluatedProperties"](validator, value, instance, schema), None) is not None:
        yield from errors
