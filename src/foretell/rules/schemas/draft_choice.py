"""Which draft a schema is of: the one that its `$schema` names, else the one that its words give away, else 2020-12."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from foretell.rules.schemas.drafts import SchemaDraft, SchemaError, draft_of, drafts, named_draft
from foretell.rules.schemas.subschemas import Names, all_subschemas, pointer, subschemas


@dataclass
class DraftChoice:
    """draft: the whole schema's. notes: sentences for the user about how it was chosen. by_schema: where embedded schemas are of other
    drafts, the draft of each subschema by its `id()`; else empty. parts: the `id()` of all subschemas."""

    draft: SchemaDraft
    notes: list[str] = field(default_factory=list)
    by_schema: dict[int, SchemaDraft] = field(default_factory=dict)
    parts: set[int] = field(default_factory=set)

    def of_target(self, target: Any, default: SchemaDraft) -> SchemaDraft:
        """The draft of what a reference leads to (`referencing`'s `Resolved`): a part of the schema, or of a draft's own schema."""
        if id(target.contents) in self.by_schema:
            return self.by_schema[id(target.contents)]
        whole = target.resolver.lookup("#").contents
        named = whole.get("$schema") if isinstance(whole, dict) else None
        return named_draft(named, "#") if isinstance(named, str) else self.by_schema.get(id(whole), default)

    def is_unchecked(self, target: Any) -> bool:
        """Whether a reference leads to a part of the schema that is below no keyword, so that a check of the whole has not seen it."""
        whole = target.resolver.lookup("#").contents
        return isinstance(target.contents, dict) and id(whole) in self.parts and id(target.contents) not in self.parts


def choose_draft(schema: Any) -> DraftChoice:
    """The draft of a schema, and of schemas with an `$id` that are embedded in it and name another one.

    Every `$schema` that says nothing new is removed from the schema, in place, since jsonschema would choose its own validator class by it.
    SchemaError for an unknown dialect, for one that differs where no new schema begins, and for words that no draft has together.
    """
    named = [(names, part["$schema"]) for names, part in _own_parts(schema) if isinstance(part.get("$schema"), str)]
    own: dict[int, Names] = {named_draft(uri, pointer(names)).number: names for names, uri in reversed(named)}
    if len(own) > 1:
        one, other, *_ = (f"{pointer(names)}/$schema names {draft_of(number).title}" for number, names in own.items())
        raise SchemaError(f"{other}, and {one}; keep one, or give the inner schema an $id of its own")
    choice = DraftChoice(draft_of(next(iter(own)))) if own else _inferred(schema)
    _settle(schema, choice)
    return choice


def with_draft(schema: dict[str, Any], draft: SchemaDraft) -> dict[str, Any]:
    """The schema with this draft in its `$schema`. SchemaError where it names another one."""
    if isinstance(schema.get("$schema"), str) and named_draft(schema["$schema"], "#").number != draft.number:
        raise SchemaError(f"#/$schema: {schema['$schema']!r} is not {draft.title}, which draft= asks for; leave one of the two out")
    return {"$schema": draft.identifier, **{key: value for key, value in schema.items() if key != "$schema"}}


def _has_own_draft(part: Any) -> bool:
    """Whether an embedded schema with an identifier and a `$schema` of its own begins here."""
    return isinstance(part, dict) and isinstance(part.get("$schema"), str) and isinstance(part.get("$id", part.get("id")), str)


def _own_parts(schema: Any) -> Iterator[tuple[Names, dict[str, Any]]]:
    """The schema and its subschemas, as dicts, without embedded schemas that name their draft."""
    waiting: list[tuple[Names, Any]] = [((), schema)]
    while waiting:
        names, part = waiting.pop()
        if isinstance(part, dict):
            yield names, part
            waiting += [((*names, *more), each) for more, each in subschemas(part) if not _has_own_draft(each)]


def _settle(schema: Any, choice: DraftChoice) -> None:
    """Remove or normalise every `$schema`, and note the draft of each subschema where there are several."""
    by_schema: dict[int, SchemaDraft] = {}
    waiting: list[tuple[Names, Any, SchemaDraft]] = [((), schema, choice.draft)]
    while waiting:
        names, part, draft = waiting.pop()
        if not isinstance(part, dict):
            continue
        if names and _has_own_draft(part):
            draft = _embedded(names, part, draft)
        elif isinstance(part.get("$schema"), str):
            del part["$schema"]
        by_schema[id(part)] = draft
        waiting += [((*names, *more), each, draft) for more, each in subschemas(part, draft.number)]
    choice.parts = set(by_schema)
    if len({draft.number for draft in by_schema.values()}) > 1:
        choice.by_schema = by_schema


def _embedded(names: Names, part: dict[str, Any], outer: SchemaDraft) -> SchemaDraft:
    """The draft of an embedded schema that names one."""
    draft = named_draft(part["$schema"], pointer(names))
    if draft.number == outer.number:
        del part["$schema"]
        return draft
    if draft.specification.create_resource(part).id() is None:
        word = "id" if draft.number == 4 else "$id"
        raise SchemaError(
            f"{pointer(names)}/$schema names {draft.title}, but no {word} of that draft makes this a schema of its own; add one"
        )
    part["$schema"] = draft.validator.META_SCHEMA.get("$id", draft.validator.META_SCHEMA.get("id"))
    return draft


class _Word(NamedTuple):
    """A word that only some drafts have. first, last: these drafts."""

    names: Names
    word: str
    first: int
    last: int

    def __str__(self) -> str:
        titles = " to ".join(dict.fromkeys(draft_of(number).title for number in (self.first, self.last)))
        return f"{self.word} at {pointer(self.names)} is of {titles}"


#: The drafts of keywords, for values of these types.
_SCHEMA, _NUMBER = (dict, bool), (int, float)
_SINCE: dict[str, tuple[int, int, tuple[type, ...]]] = {
    "const": (6, 9, (object,)),
    "contains": (6, 9, _SCHEMA),
    "propertyNames": (6, 9, _SCHEMA),
    "if": (7, 9, _SCHEMA),
    "dependencies": (4, 7, (dict,)),
    "$recursiveRef": (8, 8, (str,)),
    "$recursiveAnchor": (8, 8, (bool,)),
    "$anchor": (8, 9, (str,)),
    "dependentRequired": (8, 9, (dict,)),
    "dependentSchemas": (8, 9, (dict,)),
    "unevaluatedItems": (8, 9, _SCHEMA),
    "unevaluatedProperties": (8, 9, _SCHEMA),
    "minContains": (8, 9, _NUMBER),
    "maxContains": (8, 9, _NUMBER),
    "prefixItems": (9, 9, (list,)),
    "$dynamicRef": (9, 9, (str,)),
    "$dynamicAnchor": (9, 9, (str,)),
}


def _words(names: Names, part: dict[str, Any]) -> Iterator[_Word]:
    """The words of one subschema that only some drafts have."""
    for key, value in part.items():
        first, last, types = _SINCE.get(key, (4, 9, ()))
        if isinstance(value, types):
            yield _Word(names, f"`{key}`", first, last)
        elif key in ("exclusiveMinimum", "exclusiveMaximum") and isinstance(value, int | float):
            is_flag = isinstance(value, bool)
            yield _Word(names, f"the {'flag' if is_flag else 'number'} `{key}`", *((4, 4) if is_flag else (6, 9)))
        elif key == "items" and isinstance(value, list):
            yield _Word(names, "the list `items`", 4, 8)
        elif key == "$id" and isinstance(value, str) and value.startswith("#") and len(value) > 1:
            yield _Word(names, f"`$id` {value!r}", 6, 7)


def _inferred(schema: Any) -> DraftChoice:
    """The draft of a schema without `$schema`. SchemaError, with both places, for words that no draft has together."""
    words = [word for names, part in _own_parts(schema) for word in _words(names, part)]
    if not words:
        return _by_identifier(schema)
    newest, oldest = max(words, key=lambda word: word.first), min(words, key=lambda word: word.last)
    if newest.first > oldest.last:
        raise SchemaError(f'#: {oldest}, and {newest}; no draft has both: add "$schema" to choose one, or rewrite one of the two')
    if oldest.last == 9:
        return _by_identifier(schema) if newest.first == 4 else DraftChoice(drafts()[-1])
    # What drafts 7 and 2019-09 have in common is read as draft 7, which is far more frequent.
    return _told(draft_of(oldest.last if newest.first > 7 else min(oldest.last, 7)), oldest.word, oldest.names)


def _by_identifier(schema: Any) -> DraftChoice:
    """2020-12; draft 4 where a reference may need the identifiers that only draft 4 calls `id`."""
    parts = [(names, part) for names, part in all_subschemas(schema) if isinstance(part, dict)]
    found = next((names for names, part in parts if isinstance(part.get("id"), str) and "$id" not in part), None)
    is_needed = any(_by_name(part.get("$ref")) for _, part in parts)
    four = drafts()[0]
    if found is None or not is_needed or not four.validator(four.validator.META_SCHEMA).is_valid(schema):
        return DraftChoice(drafts()[-1])
    return _told(four, "`id`", found)


def _by_name(reference: Any) -> bool:
    """Whether a reference names an identifier, and is no pointer from the root."""
    return isinstance(reference, str) and reference != "#" and not reference.startswith("#/")


def _told(draft: SchemaDraft, word: str, names: Names) -> DraftChoice:
    remedy = f'add "$schema": "{draft.identifier}" to say so, or rewrite it for draft 2020-12'
    return DraftChoice(draft, [f"the schema is read as {draft.title} because of {word} at {pointer(names)}; {remedy}"])
