"""The keywords about objects, translated for the engine."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from foretell.rules.schemas.drafts import SchemaError
from foretell.rules.schemas.engine_schema import EngineSchema, all_of, any_of
from foretell.rules.schemas.lowering_context import LoweringContext
from foretell.rules.schemas.property_patterns import disjoint_patterns, excluded_names, one_of_patterns
from foretell.rules.schemas.schema_graph import SchemaNode
from foretell.rules.schemas.strings import has_pattern

#: Keywords that apply other subschemas, or conditions, to the same object.
_IN_PLACE = frozenset({"$ref", "allOf", "anyOf", "oneOf", "not", "if", "dependentSchemas", "dependentRequired"})


def object_keywords(context: LoweringContext, node: SchemaNode, parts: list[EngineSchema]) -> dict[str, Any]:
    """The node's keywords about objects as keywords of the engine. What needs a subschema of its own is added to `parts`."""
    given = node.keywords
    keywords: dict[str, Any] = {}
    properties, patterns, additional = given.get("properties", {}), given.get("patternProperties", {}), given.get("additionalProperties")
    if properties:
        keywords["properties"] = {
            name: all_of([context.lower(part), *(context.lower(patterns[p]) for p in patterns if has_pattern(p, name))])
            for name, part in properties.items()
        }
    others = context.lower(additional) if additional is not None else True
    if patterns:
        lowered = {pattern: context.lower(part) for pattern, part in patterns.items()}
        by_pattern = disjoint_patterns(lowered) if context.effort.patterns else None
        if by_pattern is not None:
            keywords["patternProperties"] = by_pattern
        else:
            either = one_of_patterns(patterns)
            reason = "has patterns that are too large for the engine" if context.effort.patterns else "meets patterns of other subschemas"
            context.relax(node, "patternProperties", reason)
            if either is None or not context.effort.patterns:
                others = True
            else:
                keywords["patternProperties"] = {either: True}
    if others is not True:
        keywords["additionalProperties"] = others
        if _meets_patterns(node):
            context.relax(node, "additionalProperties", "is joined by the engine with patterns of other subschemas")
    if given.get("required"):
        keywords["required"] = list(dict.fromkeys(given["required"]))
    _add_counts(context, node, keywords, parts)
    if "propertyNames" in given:
        _add_names(context, node, keywords, parts)
    if "unevaluatedProperties" in given:
        _add_unevaluated(context, node, parts)
    return keywords


def _meets_patterns(node: SchemaNode) -> bool:
    """Whether another subschema that may apply to the same object has `patternProperties`."""
    seen, waiting = {node}, [node]
    while waiting and len(seen) < 1000:
        at = waiting.pop()
        for each in (*at.in_place(), *at.conditional()):
            if each not in seen:
                if "patternProperties" in each.keywords:
                    return True
                seen.add(each)
                waiting.append(each)
    return bool(waiting)


def _add_counts(context: LoweringContext, node: SchemaNode, keywords: dict[str, Any], parts: list[EngineSchema]) -> None:
    """`minProperties` and `maxProperties`, which the engine supports for required properties only."""
    given, required = node.keywords, keywords.get("required", [])
    low, high = int(given.get("minProperties", 0)), given.get("maxProperties")
    optional = [name for name in keywords.get("properties", {}) if name not in required]
    is_closed = keywords.get("additionalProperties") is False and "patternProperties" not in keywords
    if is_closed and high is not None and high >= len(keywords.get("properties", {})):
        high = None
    if low <= len(required):
        low = 0
    if low == 1 and is_closed and 0 < len(optional) <= min(8, context.effort.num_splits):
        parts.append(any_of({"required": [name]} for name in optional))
        low = 0
    if (low or high is not None) and not optional and context.effort.counts and not given.keys() & _IN_PLACE:
        keywords |= {"minProperties": low} if low else {}
        keywords |= {"maxProperties": int(high)} if high is not None else {}
        return
    for keyword, is_needed in (("minProperties", low > 0), ("maxProperties", high is not None)):
        if is_needed:
            context.relax(node, keyword, "counts properties of which some are optional")


def _add_names(context: LoweringContext, node: SchemaNode, keywords: dict[str, Any], parts: list[EngineSchema]) -> None:
    """`propertyNames` as the patterns or names of properties."""
    names = node.keywords["propertyNames"]
    given = {keyword: value for keyword, value in names.keywords.items() if (keyword, value) != ("type", ["string"])}
    is_exact = "patternProperties" not in keywords and not _meets_patterns(node)
    part: EngineSchema = True
    if names.allows_nothing:
        part = {"additionalProperties": False}
    elif given.keys() & {"const", "enum"}:
        values = [given["const"]] if "const" in given else given["enum"]
        own = "" if "const" in given else "enum"
        allowed = {value: True for value in values if isinstance(value, str) and context.is_valid(names, value, own)}
        part = {"properties": allowed, "additionalProperties": False}
    elif given:
        excluded = excluded_names(names, context.negation(names), context.formats) if is_exact else None
        is_exact &= excluded is not None
        part = {"patternProperties": {excluded: False}} if excluded else True
    if part is not True:
        parts.append(part)
    if not is_exact:
        context.relax(node, "propertyNames", "is more than patterns and lengths, or meets patterns of properties")


@dataclass
class _Evaluated:
    """Properties that in-place subschemas may evaluate. everything: all properties. is_certain: they do so for every value."""

    nodes: set[SchemaNode] = field(default_factory=set)
    names: dict[str, bool] = field(default_factory=dict)
    patterns: dict[str, bool] = field(default_factory=dict)
    everything: bool = False
    is_certain: bool = True

    def add(self, node: SchemaNode, is_top: bool = False) -> None:
        """Add what a node and its in-place subschemas evaluate. is_top: it is the node with `unevaluatedProperties`."""
        if node in self.nodes:
            return
        self.nodes.add(node)
        given = node.keywords
        self.names |= dict.fromkeys(given.get("properties", {}), True)
        self.patterns |= dict.fromkeys(given.get("patternProperties", {}), True)
        if "additionalProperties" in given or ("unevaluatedProperties" in given and not is_top):
            self.everything = True
        for each in node.in_place():
            self.add(each)
        for each in node.subschemas("anyOf", "oneOf", "if", "then", "else", "dependentSchemas"):
            before = (len(self.names), len(self.patterns), self.everything)
            self.add(each)
            self.is_certain &= before == (len(self.names), len(self.patterns), self.everything)


def _add_unevaluated(context: LoweringContext, node: SchemaNode, parts: list[EngineSchema]) -> None:
    """`unevaluatedProperties` as additional properties beside all that any in-place subschema may evaluate."""
    unevaluated = node.keywords["unevaluatedProperties"]
    if unevaluated.keywords == {} and not unevaluated.allows_nothing:
        return
    evaluated = _Evaluated()
    evaluated.add(node, is_top=True)
    either = one_of_patterns(evaluated.patterns)
    if either is not None and not evaluated.everything:
        part: dict[str, Any] = {"properties": evaluated.names} if evaluated.names else {}
        if either:
            part["patternProperties"] = {either: True}
        parts.append({**part, "additionalProperties": context.lower(unevaluated)})
    if evaluated.patterns or not evaluated.is_certain:
        context.relax(node, "unevaluatedProperties", "depends on what other keywords evaluated")
    for pattern in evaluated.patterns:
        _refuse_exponential(node, pattern)


def _refuse_exponential(node: SchemaNode, pattern: str) -> None:
    """SchemaError for a pattern that may take exponential time: jsonschema backtracks where unevaluated properties meet patterns."""
    try:
        re.compile(pattern)
        is_dangerous = re.search(r"[+*}]\)+[+*{]", pattern) is not None
    except re.error:
        is_dangerous = True
    if is_dangerous:
        raise SchemaError(f"{node.path}/unevaluatedProperties: beside patternProperties {pattern!r}, which cannot be searched safely")
