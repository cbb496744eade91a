"""What in a schema has no effect and was probably meant to have one: words of other drafts and of OpenAPI, misspelt words, examples."""

from __future__ import annotations

import difflib
from collections import deque
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any

from foretell.rules.schemas.drafts import SchemaDraft, SchemaError, drafts
from foretell.rules.schemas.subschemas import pointer, subschemas

#: Keywords without an effect on validity of their own: annotations, identifiers, and those that another keyword reads.
SILENT_KEYWORDS = frozenset(
    {"$schema", "$id", "id", "$anchor", "$dynamicAnchor", "$recursiveAnchor", "$vocabulary", "$comment", "$defs", "definitions"}
    | {"title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly"}
    | {"contentMediaType", "contentEncoding", "contentSchema", "then", "else", "minContains", "maxContains", "additionalItems"}
)
#: Why a keyword beside a reference is without effect, and why any other word is.
BESIDE_REFERENCE, NO_KEYWORD = "stands beside $ref, which this draft ignores", "is not a keyword of this draft"
#: Keywords that restrict nothing at all, even with all that may stand within them.
_ANNOTATIONS = SILENT_KEYWORDS - {"$defs", "definitions", "then", "else", "contentSchema", "additionalItems", "$id", "id"}
#: Annotations of other tools, which resemble keywords or stand alone.
_FOREIGN = frozenset({"example", "xml", "externalDocs", "discriminator", "propertyOrder", "enumNames", "optional", "markdownDescription"})
_PREFIXES = ("x-", "$", "_")
#: Words of earlier drafts, of OpenAPI and of habit, with what to write.
_INSTEAD = {
    "nullable": 'add "null" to the types',
    "divisibleBy": "write multipleOf",
    "disallow": "write not",
    "extends": "write allOf",
    "min": "write minimum, minLength or minItems",
    "max": "write maximum, maxLength or maxItems",
    "regex": "write pattern",
    "regexp": "write pattern",
    "choices": "write enum",
}
#: What takes the place of a keyword in another draft.
_SUCCESSORS = {
    "dependencies": "dependentRequired or dependentSchemas",
    "$recursiveRef": "$dynamicRef",
    "additionalItems": "items",
    "prefixItems": "a list of schemas as items",
    "dependentRequired": "dependencies",
    "dependentSchemas": "dependencies",
    "const": "an enum of one value",
    "$dynamicRef": "$ref",
}
#: The least likeness of a word to a keyword that it is taken for, by difflib.
_LIKENESS = 0.8


def why_unknown(key: str, value: Any, draft: SchemaDraft) -> str:
    """Why a word has no effect in this draft, with what was probably meant."""
    having = [each for each in drafts() if key in each.validator.VALIDATORS]
    if having:
        which = f"drafts {having[0].title.split()[-1]} to {having[-1].title.split()[-1]}" if len(having) > 1 else having[0].title
        instead = f"; write {_SUCCESSORS[key]}, or declare such a draft" if key in _SUCCESSORS else ""
        return f"is a keyword of {which}, not of {draft.title}{instead}"
    meant = _meant(key, draft)
    if meant:
        return f"{NO_KEYWORD}; {meant}"
    if key not in _FOREIGN and not key.startswith(_PREFIXES) and isinstance(value, Mapping) and _is_schema_like(value):
        return f"{NO_KEYWORD}, so the schema in it has no effect; a property belongs below `properties`, a definition below `$defs`"
    return NO_KEYWORD


def is_suspicious(reason: str) -> bool:
    """Whether a reason of `why_unknown` says that something else was meant."""
    return reason != NO_KEYWORD


@lru_cache(4096)
def _meant(key: str, draft: SchemaDraft) -> str:
    """What a misspelt or foreign word stands for; empty for words that resemble nothing, or an annotation."""
    if key in _INSTEAD:
        return _INSTEAD[key]
    if key in _FOREIGN or key.startswith(_PREFIXES):
        return ""
    known = {_plain(keyword): keyword for keyword in (*draft.validator.VALIDATORS, *SILENT_KEYWORDS) if keyword != "id"}
    close = difflib.get_close_matches(_plain(key), known, n=1, cutoff=_LIKENESS)
    return f"did you mean {known[close[0]]!r}?" if close and known[close[0]] not in _ANNOTATIONS else ""


def _plain(word: str) -> str:
    return word.lower().replace("_", "").replace("-", "")


def _is_schema_like(value: Mapping[str, Any]) -> bool:
    """Whether an object has the words of a schema, and not only of annotations."""
    return isinstance(value.get("type"), str | list) or bool({"$ref", "anyOf", "oneOf", "allOf", "enum", "properties"} & value.keys())


def looks_like_example(schema: Any) -> bool:
    """Whether an object, taken as a schema, restricts nothing, and has words that no draft knows: an example of a value, say.

    >>> looks_like_example({"name": "string", "age": 3}), looks_like_example({"title": "Anything"})
    (True, False)
    """
    if not isinstance(schema, Mapping):
        return False
    words = {key for key in schema if key not in _ANNOTATIONS}
    foreign = {key for key in words if key in _FOREIGN or key == "nullable" or key.startswith(_PREFIXES)}
    if not words - foreign or words & _keywords():
        return False
    return not any(isinstance(value, Mapping) and _is_schema_like(value) for value in schema.values())


@cache
def _keywords() -> frozenset[str]:
    """The words of all drafts."""
    return SILENT_KEYWORDS.union(*(each.validator.VALIDATORS for each in drafts()))


def refuse_example(schema: Any) -> None:
    """SchemaError where the whole schema is no schema but an example of a value."""
    if looks_like_example(schema):
        names = ", ".join(map(repr, list(schema)[:3]))
        meant = next((f"{key!r}: {_meant(key, drafts()[-1])}" for key in schema if _meant(key, drafts()[-1])), None)
        remedy = meant or 'if it is an example of a value, write {"type": "object", "properties": {...}}'
        raise SchemaError(f"#: the schema has no keyword of JSON Schema, but {names}, so it would allow any value; {remedy}")


def examples_within(schema: Any, number: int) -> list[str]:
    """A sentence for each subschema that looks like an example of a value."""
    found, waiting = [], deque(subschemas(schema, number))
    while waiting:
        names, part = waiting.popleft()
        if looks_like_example(part):
            found.append(f"{pointer(names)} has no keyword of JSON Schema, so it allows any value; is it an example of a value?")
        waiting += [((*names, *more), each) for more, each in subschemas(part, number)]
    return found
