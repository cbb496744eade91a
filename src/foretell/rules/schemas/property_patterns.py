"""Patterns of property names for the engine, which wants those of one object to have no name in common."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from foretell.rules.patterns.char_automaton import automaton_of, intersection
from foretell.rules.patterns.ecma import parsed
from foretell.rules.patterns.elimination import pattern_of
from foretell.rules.patterns.formulas import TooLargeError
from foretell.rules.patterns.syntax import engine_text
from foretell.rules.schemas.engine_patterns import NEVER, single
from foretell.rules.schemas.engine_schema import EngineSchema, all_of
from foretell.rules.schemas.strings import compiles

#: The most patterns that are separated.
_MAX_SEPARATED = 4


def one_of_patterns(patterns: Iterable[str]) -> str | None:
    """One pattern for any of these, empty if there are none. None if automata do not support them."""
    texts = [single(pattern) for pattern in patterns]
    known = [text for text in texts if text is not None and text != NEVER]
    return None if None in texts else "|".join(f"(?:{text})" for text in known)


def disjoint_patterns(schemas: dict[str, EngineSchema]) -> dict[str, EngineSchema] | None:
    """The same schemas by patterns that no name has two of. None if there are many, or automata do not support them."""
    by_text: dict[str, list[EngineSchema]] = {}
    for pattern, schema in schemas.items():
        text = single(pattern)
        if text is None:
            return None
        if text != NEVER:
            by_text.setdefault(text, []).append(schema)
    joined = {text: all_of(parts) for text, parts in by_text.items()}
    if _compiles(joined):
        return joined
    if len(joined) > _MAX_SEPARATED:
        return None
    try:
        separated = _separated(joined)
    except TooLargeError:
        return None
    return separated if _compiles(separated) else None


def _separated(schemas: dict[str, EngineSchema]) -> dict[str, EngineSchema]:
    """By each combination of patterns that a name may have, all their schemas."""
    parts: list[tuple[Any, list[EngineSchema]]] = [(None, [])]
    for text, schema in schemas.items():
        automaton = automaton_of(parsed(text))
        parts = [
            (each if before is None else intersection(before, each), found)
            for before, schemas_before in parts
            for each, found in ((automaton, [*schemas_before, schema]), (automaton.complement(), schemas_before))
        ]
    texts = [(engine_text(pattern_of(automaton)), found) for automaton, found in parts if found and any(automaton.accepting)]
    return {text: all_of(found) for text, found in texts if text != NEVER}


def _compiles(schemas: dict[str, EngineSchema]) -> bool:
    return compiles({"type": "object", "patternProperties": dict.fromkeys(schemas, True)})


def excluded_names(negation: EngineSchema, is_exact: bool) -> str | None:
    """A pattern of the names that this negation of `propertyNames` allows, empty if there are none. None if it is not that simple."""
    if negation is True or not is_exact:
        return None
    patterns = []
    for option in negation.get("anyOf", [negation]) if negation else []:
        types = option.get("type", "string")
        if "string" not in ([types] if isinstance(types, str) else types):
            continue
        if option.keys() == {"type", "pattern"}:
            patterns.append(option["pattern"])
        elif option.keys() in ({"type", "minLength"}, {"type", "maxLength"}):
            patterns.append(rf"^[\s\S]{{{option.get('minLength', 0)},{option.get('maxLength', '')}}}$")
        else:
            return None
    known = [pattern for pattern in patterns if pattern != NEVER]
    return "|".join(f"(?:{pattern})" for pattern in known)
