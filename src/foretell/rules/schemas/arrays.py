"""The words about arrays in the engine's words."""

from __future__ import annotations

from typing import Any

from foretell.rules.schemas.engine_schema import Plain
from foretell.rules.schemas.graph import Node
from foretell.rules.schemas.work import Work


def array_words(work: Work, node: Node, parts: list[Plain]) -> dict[str, Any]:
    """What the node's own dict says about arrays."""
    words = node.words
    found: dict[str, Any] = {}
    if "prefixItems" in words:
        found["prefixItems"] = [work.lower(part) for part in words["prefixItems"]]
    if "items" in words:
        found["items"] = work.lower(words["items"])
    for word in ("minItems", "maxItems"):
        if word in words:
            found[word] = int(words[word])
    if "contains" in words:
        least, most = int(words.get("minContains", 1)), words.get("maxContains")
        if least or most is not None:
            work.relax(node, "contains", "is counted only once items are there")
        if least > found.get("minItems", 0):
            found["minItems"] = least
    if words.get("uniqueItems") and found.get("maxItems", 2) > 1:
        work.relax(node, "uniqueItems", "compares items")
        most_values = _num_values(found.get("items", True)) if "prefixItems" not in found else None
        if most_values is not None and most_values < found.get("maxItems", most_values + 1):
            found["maxItems"] = most_values
    rest = words.get("unevaluatedItems")
    if rest is not None and (rest.never or rest.words) and "items" not in words:
        if words.keys() & {"$ref", "allOf", "anyOf", "oneOf", "if", "not", "contains", "dependentSchemas"}:
            work.relax(node, "unevaluatedItems", "depends on what other words looked at")
        else:
            found["items"] = work.lower(rest)
    return found


def _num_values(items: Plain) -> int | None:
    """How many values items may have, where that is few."""
    if isinstance(items, bool):
        return None
    if "enum" in items:
        return len(items["enum"])
    return {"boolean": 2, "null": 1}.get(str(items.get("type")))
