"""The words about numbers and strings in the engine's words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from foretell.decoding.schemas.engine_schema import EXACT, outward
from foretell.decoding.schemas.graph import Node
from foretell.decoding.schemas.strings import check_pattern, compiles, format_schema, why_not

if TYPE_CHECKING:
    from foretell.decoding.schemas.lowering import Lowering


def number_words(lowering: Lowering, node: Node) -> dict[str, Any]:
    """What the node's own dict says about numbers."""
    words, found = node.words, {}
    for word in ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"):
        if word in words:
            up = word.lower().endswith("maximum")
            bound = outward(words[word], up)
            if bound != words[word] or abs(bound) >= EXACT:
                lowering.relax(node, word, "is beyond what the engine keeps")
                word = "maximum" if up else "minimum"
            if abs(bound) < 1e300:
                found[word] = bound
    if "multipleOf" in words:
        tried = {"type": "number", **found, "multipleOf": words["multipleOf"]}
        if compiles(tried) or "nsatisfiable" in (why_not(json.dumps(tried)) or ""):
            found["multipleOf"] = words["multipleOf"]
        else:
            lowering.relax(node, "multipleOf", "is beyond the engine's numbers")
    return found


def string_words(lowering: Lowering, node: Node) -> dict[str, Any]:
    """What the node's own dict says about strings."""
    words, found = node.words, {}
    asked: dict[str, Any] = {word: int(words[word]) for word in ("minLength", "maxLength") if word in words}
    if "pattern" in words:
        if check_pattern(words["pattern"]):
            asked["pattern"] = words["pattern"]
        else:
            lowering.relax(node, "pattern", "has look-around or back-references, which no automaton has")
    form = words.get("format")
    schema = format_schema(form) if form and lowering.formats else None
    if form and schema is None:
        lowering.ignored.append((node, "format", f"{form!r} is an annotation" + ("" if not lowering.formats else ", no format known here")))
    if not lowering.effort.strings:
        for word in asked:
            lowering.relax(node, word, "made the schema too large for the engine")
        if schema:
            lowering.relax(node, "format", "made the schema too large for the engine")
        return {}
    found = dict(asked)
    if schema and not (schema.keys() & asked.keys()):
        found |= schema
    elif schema:
        lowering.relax(node, "format", "is a pattern too, and the engine takes one a subschema")
    for word in ("", "format", "pattern", "maxLength", "minLength"):
        if word in found:
            del found[word]
            lowering.relax(node, word, "is too complex for the engine")
        reason = why_not(json.dumps({"type": "string", **found})) if found.keys() & {"pattern", "format"} else None
        if reason is None or "nsatisfiable" in reason:
            break
    return found
