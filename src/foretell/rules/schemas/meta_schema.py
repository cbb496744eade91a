"""Whether a value is a schema: the check against the schema of its draft, with the remedy for what is often written instead."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from foretell.parts import nearest
from foretell.rules.schemas.draft_choice import DraftChoice
from foretell.rules.schemas.drafts import SchemaDraft, SchemaError
from foretell.rules.schemas.engine_schema import TYPES
from foretell.rules.schemas.joined_meta_schema import meta_schema_error
from foretell.rules.schemas.subschemas import Names, pointer, subschemas, with_subschemas


def check_schema(schema: Any, choice: DraftChoice) -> None:
    """SchemaError, with the place and a remedy, for what is not a schema of its draft. Embedded schemas are checked by their own drafts."""
    for names, part, draft in _documents(schema, choice):
        check_document(part, draft, pointer(names))


def check_document(schema: Any, draft: SchemaDraft, place: str) -> None:
    """SchemaError for what is not a schema of this draft. place: where it stands, or the reference that leads to it."""
    error = meta_schema_error(schema, draft)
    if error is not None:
        within = place + pointer(tuple(error.absolute_path)).removeprefix("#")
        remedy = _remedy(error, draft)
        raise SchemaError(f"{within}: not a JSON Schema of {draft.name}: {error.message[:200]}{'; ' * bool(remedy)}{remedy}")


def _documents(schema: Any, choice: DraftChoice) -> Iterator[tuple[Names, Any, SchemaDraft]]:
    """The schema, and the embedded schemas of other drafts, each without those within it."""
    if not choice.by_schema:
        yield (), schema, choice.draft
        return
    waiting: list[tuple[Names, Any]] = [((), schema)]
    while waiting:
        names, part = waiting.pop()
        draft = choice.by_schema[id(part)]
        inner: list[tuple[Names, Any]] = []
        yield names, _without_inner(part, draft, choice, names, inner), draft
        waiting += inner


def _without_inner(part: Any, draft: SchemaDraft, choice: DraftChoice, names: Names, inner: list[tuple[Names, Any]]) -> Any:
    """A copy of a schema with `{}` in place of embedded schemas of other drafts, which are added to `inner`."""
    places = {id(each): (*names, *more) for more, each in subschemas(part, draft.number)}

    def change(each: Any) -> Any:
        if choice.by_schema.get(id(each), draft).number != draft.number:
            inner.append((places[id(each)], each))
            return {}
        return _without_inner(each, draft, choice, places[id(each)], inner)

    return with_subschemas(part, change, draft.number)


def _remedy(error: Any, draft: SchemaDraft) -> str:
    """What to write instead, for frequent mistakes; empty for others."""
    value, path = error.instance, list(error.absolute_path)
    keyword = path[-1] if path else None
    if keyword in ("exclusiveMinimum", "exclusiveMaximum") and isinstance(value, bool):
        bound = "minimum" if keyword == "exclusiveMinimum" else "maximum"
        return f"a flag is draft 4's form: write the bound itself in place of {bound!r}, or declare draft 4 in $schema"
    if keyword == "items" and isinstance(value, list):
        return "a list is the form of draft 2019-09 and before: write prefixItems, or declare that draft in $schema"
    if keyword == "required" and isinstance(value, bool):
        return "write a list of names beside `properties`: flags are of draft 3, which is not supported"
    if isinstance(value, str) and keyword != "type" and value in (*TYPES, "integer"):
        return f'write {{"type": "{value}"}}'
    if keyword == "type" and value == "any":
        return "leave `type` out, which allows any value"
    if keyword == "type" and isinstance(value, str) and value.lower() in (*TYPES, "integer"):
        return f"write {value.lower()!r}"
    if keyword == "type" and path[-2:-1] != ["properties"]:
        known = [*TYPES, "integer"]
        return next(
            (f"{each!r} is no type, {nearest(each, known)}" for each in _listed(value) if isinstance(each, str) and each not in known), ""
        )
    if draft.number == 4 and isinstance(value, bool):
        return 'draft 4 has no schemas `true` and `false`: write {} or {"not": {}}, or declare a later draft in $schema'
    return ""


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
