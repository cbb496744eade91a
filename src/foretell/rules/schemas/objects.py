"""The words about objects in the engine's words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from foretell.rules.schemas.engine_schema import Plain, all_of, any_of
from foretell.rules.schemas.graph import Node, SchemaError
from foretell.rules.schemas.strings import all_read, check_pattern, compiles, has_pattern
from foretell.rules.schemas.work import Work

_IN_PLACE = frozenset({"$ref", "allOf", "anyOf", "oneOf", "not", "if", "dependentSchemas", "dependentRequired"})


def object_words(work: Work, node: Node, parts: list[Plain]) -> dict[str, Any]:
    """What the node's own dict says about objects; what takes another dict is added to `parts`."""
    words = node.words
    found: dict[str, Any] = {}
    properties, patterns, extra = words.get("properties", {}), words.get("patternProperties", {}), words.get("additionalProperties")
    if properties:
        found["properties"] = {
            name: all_of([work.lower(part), *(work.lower(patterns[p]) for p in patterns if has_pattern(p, name))])
            for name, part in properties.items()
        }
    rest = work.lower(extra) if extra is not None else True
    if patterns:
        by_pattern = {pattern: work.lower(part) for pattern, part in patterns.items()}
        if not all_read(patterns):
            work.relax(node, "patternProperties", "has a pattern with look-around or back-references")
            rest = True
        elif not work.effort.patterns:
            work.relax(node, "patternProperties", "meets patterns of other subschemas, which may overlap")
            rest = True
        elif compiles({"type": "object", "patternProperties": dict.fromkeys(by_pattern, True)}):
            found["patternProperties"] = by_pattern
        else:
            work.relax(node, "patternProperties", "has patterns that may overlap")
            found["patternProperties"] = {"|".join(f"(?:{pattern})" for pattern in patterns): True}
    if rest is not True:
        found["additionalProperties"] = rest
        if _meets_patterns(node):
            work.relax(node, "additionalProperties", "is joined by the engine with patterns of other subschemas")
    if words.get("required"):
        found["required"] = list(dict.fromkeys(words["required"]))
    _counts(work, node, found, parts)
    if "propertyNames" in words:
        _names(work, node, found, parts)
    if "unevaluatedProperties" in words:
        _unevaluated(work, node, parts)
    return found


def _meets_patterns(node: Node) -> bool:
    """Whether another subschema that may hold in the same place has patterns for properties."""
    seen, waiting = {node}, [node]
    while waiting and len(seen) < 1000:
        at = waiting.pop()
        for each in (*at.same(), *at.choices()):
            if each not in seen:
                if "patternProperties" in each.words:
                    return True
                seen.add(each)
                waiting.append(each)
    return bool(waiting)


def _counts(work: Work, node: Node, found: dict[str, Any], parts: list[Plain]) -> None:
    words, required = node.words, found.get("required", [])
    least, most = int(words.get("minProperties", 0)), words.get("maxProperties")
    optional = [name for name in found.get("properties", {}) if name not in required]
    closed = found.get("additionalProperties") is False and "patternProperties" not in found
    if closed and most is not None and most >= len(found.get("properties", {})):
        most = None
    if least <= len(required):
        least = 0
    if least == 1 and closed and 0 < len(optional) <= min(8, work.effort.splits):
        parts.append(any_of({"required": [name]} for name in optional))
        least = 0
    if (least or most is not None) and not optional and work.effort.counts and not words.keys() & _IN_PLACE:
        found |= {"minProperties": least} if least else {}
        found |= {"maxProperties": int(most)} if most is not None else {}
        return
    for word, needed in (("minProperties", least > 0), ("maxProperties", most is not None)):
        if needed:
            work.relax(node, word, "counts properties of which some are optional")


def _names(work: Work, node: Node, found: dict[str, Any], parts: list[Plain]) -> None:
    """`propertyNames` as patterns or names that properties may have."""
    names = node.words["propertyNames"]
    words = {word: value for word, value in names.words.items() if (word, value) != ("type", ["string"])}
    closed: dict[str, Any] = {"additionalProperties": False}
    part: Plain = closed
    exact = True
    if names.never:
        pass
    elif words.keys() <= {"const", "enum"} and words:
        values = [words["const"]] if "const" in words else words["enum"]
        part = {"properties": {value: True for value in values if isinstance(value, str) and work.valid(names, value)}, **closed}
    elif words.keys() == {"pattern"} and check_pattern(words["pattern"]):
        part = {"patternProperties": {words["pattern"]: True}, **closed}
    elif words and words.keys() <= {"minLength", "maxLength"}:
        bounds = f"{{{int(words.get('minLength', 0))},{int(words['maxLength']) if 'maxLength' in words else ''}}}"
        part = {"patternProperties": {rf"^[\s\S]{bounds}$": True}, **closed}
    else:
        part, exact = True, not words
    parts.append(part)
    if not exact or ("patternProperties" in found or "additionalProperties" in found) or node.words.keys() & _IN_PLACE:
        work.relax(node, "propertyNames", "is more than a pattern or a list of names")


@dataclass
class _Seen:
    """Properties that in-place subschemas look at. everything: all of them. surely: whether they do so for every value."""

    nodes: set[Node] = field(default_factory=set)
    names: dict[str, bool] = field(default_factory=dict)
    patterns: dict[str, bool] = field(default_factory=dict)
    everything: bool = False
    surely: bool = True


def _unevaluated(work: Work, node: Node, parts: list[Plain]) -> None:
    """`unevaluatedProperties` as additional ones beside all that any in-place subschema may look at."""
    if node.words["unevaluatedProperties"].words == {} and not node.words["unevaluatedProperties"].never:
        return
    seen = _Seen()
    _look(node, seen, top=True)
    readable = all_read(seen.patterns)
    if not seen.everything and readable:
        more: dict[str, Any] = {"properties": seen.names} if seen.names else {}
        if seen.patterns:
            more["patternProperties"] = {"|".join(f"(?:{pattern})" for pattern in seen.patterns): True}
        parts.append({**more, "additionalProperties": work.lower(node.words["unevaluatedProperties"])})
    if not (seen.surely and not seen.patterns):
        work.relax(node, "unevaluatedProperties", "depends on what other words looked at")
    for pattern in seen.patterns:
        _require_plain(node, pattern)


def _look(node: Node, seen: _Seen, top: bool = False) -> None:
    if node in seen.nodes:
        return
    seen.nodes.add(node)
    words = node.words
    seen.names |= dict.fromkeys(words.get("properties", {}), True)
    seen.patterns |= dict.fromkeys(words.get("patternProperties", {}), True)
    if "additionalProperties" in words or ("unevaluatedProperties" in words and not top):
        seen.everything = True
    for each in node.same():
        _look(each, seen)
    for each in node.within("anyOf", "oneOf", "if", "then", "else", "dependentSchemas"):
        before = (len(seen.names), len(seen.patterns), seen.everything)
        _look(each, seen)
        seen.surely &= before == (len(seen.names), len(seen.patterns), seen.everything)


def _require_plain(node: Node, pattern: str) -> None:
    """jsonschema searches by backtracking where unevaluated properties meet patterns; only patterns that cannot run away may."""
    import re

    try:
        re.compile(pattern)
        wild = re.search(r"[+*}]\)+[+*{]", pattern) is not None
    except re.error:
        wild = True
    if wild:
        raise SchemaError(f"{node.path}/unevaluatedProperties: beside patternProperties {pattern!r}, which cannot be searched safely")
