"""The words about numbers and strings in the engine's words."""

from __future__ import annotations

import json
from typing import Any

from foretell.rules.schemas.engine_schema import EXACT, Plain, outward
from foretell.rules.schemas.excluding import split
from foretell.rules.schemas.graph import Node
from foretell.rules.schemas.looser_pattern import looser
from foretell.rules.schemas.strings import check_pattern, compiles, format_schema, why_not
from foretell.rules.schemas.work import Work


def number_words(work: Work, node: Node) -> dict[str, Any]:
    """What the node's own dict says about numbers."""
    words, found = node.words, {}
    for word in ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"):
        if word in words:
            up = word.lower().endswith("maximum")
            bound = outward(words[word], up)
            if bound != words[word] or abs(bound) >= EXACT:
                work.relax(node, word, "is beyond what the engine keeps")
                word = "maximum" if up else "minimum"
            if abs(bound) < 1e300:
                found[word] = bound
    if "multipleOf" in words:
        tried = {"type": "number", **found, "multipleOf": words["multipleOf"]}
        if compiles(tried) or "nsatisfiable" in (why_not(json.dumps(tried)) or ""):
            found["multipleOf"] = words["multipleOf"]
        else:
            work.relax(node, "multipleOf", "is beyond the engine's numbers")
    return found


def string_words(work: Work, node: Node, parts: list[Plain]) -> dict[str, Any]:
    """What the node's own dict says about strings; what takes another dict is added to `parts`."""
    words, found = node.words, {}
    asked: dict[str, Any] = {word: int(words[word]) for word in ("minLength", "maxLength") if word in words}
    if "pattern" in words:
        if check_pattern(words["pattern"]):
            asked["pattern"] = words["pattern"]
        elif (halves := split(words["pattern"])) and all(compiles({"type": "string", "pattern": half}) for half in halves):
            parts.append({"pattern": halves[0]})
            asked["pattern"] = halves[1]
        else:
            work.relax(node, "pattern", "has look-around or back-references, which no automaton has")
            less = looser(words["pattern"])
            if compiles({"type": "string", "pattern": less}):
                asked["pattern"] = less
    form = words.get("format")
    schema = format_schema(form) if form and work.formats else None
    if form and schema is None:
        work.ignored.append((node, "format", f"{form!r} is an annotation" + ("" if not work.formats else ", no format known here")))
    if not work.effort.strings:
        for word in asked:
            work.relax(node, word, "made the schema too large for the engine")
        if schema:
            work.relax(node, "format", "made the schema too large for the engine")
        return {}
    found = dict(asked)
    if schema and not (schema.keys() & asked.keys()):
        found |= schema
    elif schema:
        work.relax(node, "format", "is a pattern too, and the engine takes one a subschema")
    for word in ("", "format", "pattern", "maxLength", "minLength"):
        if word in found:
            del found[word]
            work.relax(node, word, "is too complex for the engine")
        reason = why_not(json.dumps({"type": "string", **found})) if found.keys() & {"pattern", "format"} else None
        if reason is None or "nsatisfiable" in reason:
            break
    return found
