"""The keywords about numbers, strings and arrays, translated for the engine."""

from __future__ import annotations

import json
from typing import Any

from foretell.rules.schemas.engine_schema import MAX_EXACT_INTEGER, EngineSchema, stored_bound
from foretell.rules.schemas.lowering_context import LoweringContext
from foretell.rules.schemas.pattern_rewriting import looser, split_lookahead
from foretell.rules.schemas.schema_graph import SchemaNode
from foretell.rules.schemas.strings import check_pattern, compiles, format_schema, refusal

#: Keywords that may evaluate items besides those of `prefixItems` and `items`.
_EVALUATE_ITEMS = frozenset({"$ref", "allOf", "anyOf", "oneOf", "if", "not", "contains", "dependentSchemas"})


def type_keywords(context: LoweringContext, node: SchemaNode, parts: list[EngineSchema]) -> dict[str, Any]:
    """The node's keywords about numbers, strings and arrays as keywords of the engine. What needs a subschema of its own is added to
    `parts`."""
    return _number_keywords(context, node) | _string_keywords(context, node, parts) | _array_keywords(context, node)


def _number_keywords(context: LoweringContext, node: SchemaNode) -> dict[str, Any]:
    keywords: dict[str, Any] = {}
    for keyword in ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"):
        if keyword in node.keywords:
            is_upper = keyword.lower().endswith("maximum")
            bound = stored_bound(node.keywords[keyword], is_upper)
            if bound != node.keywords[keyword] or abs(bound) >= MAX_EXACT_INTEGER:
                context.relax(node, keyword, "is beyond what the engine stores exactly")
                keyword = "maximum" if is_upper else "minimum"
            if abs(bound) < 1e300:
                keywords[keyword] = bound
    if "multipleOf" in node.keywords:
        schema = {"type": "number", **keywords, "multipleOf": node.keywords["multipleOf"]}
        if compiles(schema) or "nsatisfiable" in (refusal(json.dumps(schema)) or ""):
            keywords["multipleOf"] = node.keywords["multipleOf"]
        else:
            context.relax(node, "multipleOf", "is beyond the engine's numbers")
    return keywords


def _string_keywords(context: LoweringContext, node: SchemaNode, parts: list[EngineSchema]) -> dict[str, Any]:
    given = node.keywords
    keywords: dict[str, Any] = {keyword: int(given[keyword]) for keyword in ("minLength", "maxLength") if keyword in given}
    if "pattern" in given:
        keywords |= _pattern_keyword(context, node, parts)
    name = given.get("format")
    schema = format_schema(name) if name and context.formats else None
    if name and schema is None:
        reason = f"{name!r} is an annotation" + ("" if not context.formats else ", since the format is unknown")
        context.ignored.append((node, "format", reason))
    if not context.effort.strings:
        for keyword in (*keywords, *(["format"] if schema else [])):
            context.relax(node, keyword, "made the schema too large for the engine")
        return {}
    if schema and not (schema.keys() & keywords.keys()):
        keywords |= schema
    elif schema:
        context.relax(node, "format", "is a second pattern, and the engine supports one in a subschema")
    for keyword in ("", "format", "pattern", "maxLength", "minLength"):
        if keyword in keywords:
            del keywords[keyword]
            context.relax(node, keyword, "is too complex for the engine")
        message = refusal(json.dumps({"type": "string", **keywords})) if keywords.keys() & {"pattern", "format"} else None
        if message is None or "nsatisfiable" in message:
            break
    return keywords


def _pattern_keyword(context: LoweringContext, node: SchemaNode, parts: list[EngineSchema]) -> dict[str, Any]:
    pattern = node.keywords["pattern"]
    if check_pattern(pattern):
        return {"pattern": pattern}
    halves = split_lookahead(pattern)
    if halves and all(compiles({"type": "string", "pattern": half}) for half in halves):
        parts.append({"pattern": halves[0]})
        return {"pattern": halves[1]}
    context.relax(node, "pattern", "has look-around or back-references, which automata do not support")
    pattern = looser(pattern)
    return {"pattern": pattern} if compiles({"type": "string", "pattern": pattern}) else {}


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
