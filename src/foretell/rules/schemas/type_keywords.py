"""The keywords about numbers, strings and arrays, translated for the engine."""

from __future__ import annotations

import json
from typing import Any

from foretell.rules.schemas.engine_patterns import conjuncts, looser
from foretell.rules.schemas.engine_schema import MAX_EXACT_INTEGER, EngineSchema, stored_bound
from foretell.rules.schemas.formats import FORMATS
from foretell.rules.schemas.lowering_context import LoweringContext
from foretell.rules.schemas.open_numbers import BOUNDS
from foretell.rules.schemas.schema_graph import SchemaNode
from foretell.rules.schemas.strings import refusal

_LENGTHS = ("minLength", "maxLength")
#: Keywords that may evaluate items besides those of `prefixItems` and `items`.
_EVALUATE_ITEMS = frozenset({"$ref", "allOf", "anyOf", "oneOf", "if", "not", "contains", "dependentSchemas"})


def type_keywords(context: LoweringContext, node: SchemaNode, parts: list[EngineSchema]) -> dict[str, Any]:
    """The node's keywords about numbers, strings and arrays as keywords of the engine. What needs a subschema of its own is added to
    `parts`."""
    return _number_keywords(context, node) | _string_keywords(context, node, parts) | _array_keywords(context, node)


def _number_keywords(context: LoweringContext, node: SchemaNode) -> dict[str, Any]:
    keywords: dict[str, Any] = {}
    for keyword in BOUNDS:
        if keyword in node.keywords:
            bound = stored_bound(node.keywords[keyword], keyword.lower().endswith("maximum"))
            name = keyword
            if bound is None or bound != node.keywords[keyword] or abs(bound) >= MAX_EXACT_INTEGER:
                context.relax(node, keyword, "is beyond what the engine stores exactly")
                name = "maximum" if keyword.lower().endswith("maximum") else "minimum"
            if bound is not None and _takes({**keywords, name: bound}):
                keywords[name] = bound
            elif bound is not None:
                context.relax(node, keyword, "is beyond the engine's numbers")
    if "multipleOf" in node.keywords:
        if _takes({**keywords, "multipleOf": node.keywords["multipleOf"]}):
            keywords["multipleOf"] = node.keywords["multipleOf"]
        else:
            context.relax(node, "multipleOf", "is beyond the engine's numbers")
    return keywords


def _takes(keywords: dict[str, Any]) -> bool:
    """Whether the engine compiles these keywords about numbers; none that satisfies them counts."""
    messages = [refusal(json.dumps({"type": name, **keywords})) for name in ("number", "integer")]
    return all(message is None or "nsatisfiable" in message for message in messages)


def _string_keywords(context: LoweringContext, node: SchemaNode, parts: list[EngineSchema]) -> dict[str, Any]:
    given = node.keywords
    said: list[tuple[str, dict[str, Any]]] = [(keyword, {keyword: int(given[keyword])}) for keyword in _LENGTHS if keyword in given]
    if "pattern" in given:
        said += [("pattern", {"pattern": text}) for text in _patterns(context, node)]
    if "format" in given:
        known = FORMATS.get(given["format"]) if context.formats else None
        if known is None:
            reason = f"{given['format']!r} is an annotation" + ("" if not context.formats else ", since the format is unknown")
            context.ignored.append((node, "format", reason))
        else:
            said += [("format", {"pattern": text}) for pattern in known.patterns for text in conjuncts(pattern) or ()]
            said += [("format", {"maxLength": known.most})] if known.most else []
            if known.is_valid:
                known.is_valid("")  # raises here if a package is missing, not within the text
                context.relax(node, "format", "is more than a pattern")
    if not context.effort.strings:
        for keyword, _ in said:
            context.relax(node, keyword, "made the schema too large for the engine")
        return {}
    for keyword in ("", "format", "pattern", "maxLength", "minLength"):
        if keyword and any(name == keyword for name, _ in said):
            said = [(name, schema) for name, schema in said if name != keyword]
            context.relax(node, keyword, "is too complex for the engine")
        message = refusal(json.dumps({"type": "string", "allOf": [schema for _, schema in said]}))
        if message is None or "nsatisfiable" in message:
            break
    keywords: dict[str, Any] = {}
    for _, schema in said:
        if schema.keys() & keywords.keys():
            parts.append(schema)
        else:
            keywords |= schema
    return keywords


def _patterns(context: LoweringContext, node: SchemaNode) -> tuple[str, ...]:
    """The patterns for the engine that together say `pattern`, or a looser one."""
    pattern = node.keywords["pattern"]
    patterns = conjuncts(pattern)
    if patterns is not None:
        return patterns
    context.relax(node, "pattern", "refers to groups, or has too large an automaton")
    return (looser(pattern),)


def _array_keywords(context: LoweringContext, node: SchemaNode) -> dict[str, Any]:
    given = node.keywords
    keywords: dict[str, Any] = {}
    if "prefixItems" in given:
        keywords["prefixItems"] = [context.lower(part) for part in given["prefixItems"]]
    if "items" in given:
        keywords["items"] = context.lower(given["items"])
    for keyword in ("minItems", "maxItems"):
        if keyword in given:
            keywords[keyword] = int(given[keyword])
    if "contains" in given:
        low, high = int(given.get("minContains", 1)), given.get("maxContains")
        if low or high is not None:
            context.relax(node, "contains", "is counted when items are complete")
        if low > keywords.get("minItems", 0):
            keywords["minItems"] = low
    if given.get("uniqueItems") and keywords.get("maxItems", 2) > 1:
        context.relax(node, "uniqueItems", "compares items")
        num_values = _num_values(keywords.get("items", True)) if "prefixItems" not in keywords else None
        if num_values is not None and num_values < keywords.get("maxItems", num_values + 1):
            keywords["maxItems"] = num_values
    unevaluated = given.get("unevaluatedItems")
    if unevaluated is not None and (unevaluated.allows_nothing or unevaluated.keywords) and "items" not in given:
        if given.keys() & _EVALUATE_ITEMS:
            context.relax(node, "unevaluatedItems", "depends on what other keywords evaluated")
        else:
            keywords["items"] = context.lower(unevaluated)
    return keywords


def _num_values(items: EngineSchema) -> int | None:
    """How many different values items may have, if that is obvious."""
    if isinstance(items, bool):
        return None
    if "enum" in items:
        return len(items["enum"])
    return {"boolean": 2, "null": 1}.get(str(items.get("type")))
