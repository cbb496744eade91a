"""Patterns in the words of the engine, which has no look-around, word boundaries, references or complements, but intersects patterns."""

from __future__ import annotations

import json
from contextlib import suppress
from functools import lru_cache

from foretell.rules.patterns.char_automaton import CharAutomaton, automaton_of
from foretell.rules.patterns.ecma import parsed
from foretell.rules.patterns.elimination import pattern_of
from foretell.rules.patterns.formulas import TooLargeError
from foretell.rules.patterns.references import without_references
from foretell.rules.patterns.syntax import (
    ANYTHING,
    BEGIN,
    END,
    Chars,
    Choice,
    Edge,
    Group,
    Look,
    Node,
    Reference,
    Repeat,
    Sequence,
    engine_text,
)
from foretell.rules.schemas.strings import refusal

#: A pattern that no string has.
NEVER = engine_text(Choice(()))


@lru_cache(2048)
def conjuncts(pattern: str) -> tuple[str, ...] | None:
    """Patterns for the engine that a string has, all of them, if and only if it has `pattern`. None if automata do not support it."""
    texts = []
    try:
        for node, is_positive in _conditions(without_references(parsed(pattern))):
            text = engine_text(node)
            texts.append(text if is_positive and _compiles(text) else _rewritten(node, is_positive))
    except TooLargeError:
        return None
    return tuple(dict.fromkeys(texts))


@lru_cache(2048)
def single(pattern: str) -> str | None:
    """One pattern for the engine that a string has if and only if it has `pattern`. None if automata do not support it."""
    text = engine_text(parsed(pattern))
    if _compiles(text):
        return text
    try:
        return _rewritten(without_references(parsed(pattern)), is_positive=True)
    except TooLargeError:
        return None


@lru_cache(2048)
def excluding_pattern(pattern: str) -> tuple[str, ...] | None:
    """Patterns for the engine of which a string has one if and only if it does not have `pattern`. None if automata do not support it."""
    texts = []
    try:
        for node, is_positive in _conditions(without_references(parsed(pattern))):
            text = engine_text(node)
            texts.append(text if not is_positive and _compiles(text) else _rewritten(node, not is_positive))
    except TooLargeError:
        return None
    return tuple(dict.fromkeys(texts))


def whole_conjuncts(pattern: str) -> tuple[str, ...]:
    """Patterns for the engine that a whole text matches, all of them, if and only if it matches `pattern` as a whole; `NEVER` alone
    if none does. TooLargeError if automata do not support it."""
    node = without_references(parsed(pattern))
    parts = node.parts if isinstance(node, Sequence) else (node,)
    texts = []
    for part, is_positive in _conditions(Sequence((BEGIN, *parts[parts[:1] == (BEGIN,) :], *([] if parts[-1:] == (END,) else [END])))):
        text = engine_text(_between(part), in_json=False)
        is_plain = is_positive and _compiles(f"^(?:{text})$")
        texts.append(text if is_plain else engine_text(_between(pattern_of(_automaton(part, is_positive))), in_json=False))
    message = refusal(json.dumps({"type": "string", "allOf": [{"pattern": f"^(?:{text})$"} for text in texts]}))
    return (NEVER,) if "nsatisfiable" in (message or "") else tuple(dict.fromkeys(texts))


def _between(node: Node) -> Node:
    """What a whole text matches where the pattern, which begins with `^` or is `^` alone, is found in it."""
    if node == Chars(()):
        return node
    parts = node.parts if isinstance(node, Sequence) else (node,)
    inner = parts[parts[:1] == (BEGIN,) :]
    ahead = inner[0].parts if len(inner) == 1 and isinstance(inner[0], Sequence) else inner  # of a condition that looked ahead
    return Sequence(ahead[:-1]) if ahead[-1:] == (END,) else Sequence((*ahead, ANYTHING))


def automata_of(pattern: str, is_positive: bool = True) -> tuple[CharAutomaton, ...]:
    """Automata that accept every string with `pattern` (or every one without it), as many as are small enough to be made."""
    found = []
    try:
        conditions = _conditions(without_references(parsed(pattern))) if is_positive else [(without_references(parsed(pattern)), True)]
    except TooLargeError:
        return ()
    for node, is_wanted in conditions:
        with suppress(TooLargeError):
            found.append(_automaton(node, is_wanted == is_positive))
    return tuple(found)


def looser(pattern: str) -> str:
    """A pattern for the engine that every string with `pattern` has: without look-around, word boundaries and references.

    >>> looser(r"^(?!x)(a|b)\\1$")
    '^(a|b)[\\\\s\\\\S]*$'
    """
    return engine_text(_without_conditions(parsed(pattern)))


def _conditions(node: Node) -> list[tuple[Node, bool]]:
    """Patterns that a string must have (True) or must not, which together say the same: look-ahead at the beginning stands alone."""
    if isinstance(node, Group):
        return _conditions(node.node)
    if not isinstance(node, Sequence) or node.parts[:1] != (BEGIN,):
        return [(node, True)]
    parts = list(node.parts[1:])
    ahead: list[tuple[Node, bool]] = []
    while parts and isinstance(parts[0], Look) and parts[0].ahead:
        look = parts.pop(0)
        assert isinstance(look, Look)
        ahead.append((Sequence((BEGIN, look.node)), look.positive))
    rest: list[tuple[Node, bool]] = [(Sequence((BEGIN, *parts)), True)] if parts and parts != [ANYTHING] else []
    return ahead + rest or [(node, True)]


def _rewritten(node: Node, is_positive: bool) -> str:
    """The pattern of a node, or of its complement, without what the engine lacks. TooLargeError if it is too large."""
    text = engine_text(pattern_of(_automaton(node, is_positive)))
    if not _compiles(text):
        raise TooLargeError("the engine cannot compile the pattern")
    return text


def _automaton(node: Node, is_positive: bool) -> CharAutomaton:
    return automaton_of(node) if is_positive else automaton_of(node).complement()


def _without_conditions(node: Node) -> Node:
    if isinstance(node, Look) or (isinstance(node, Edge) and node.kind in "bB"):
        return Sequence(())
    if isinstance(node, Reference):
        return ANYTHING
    if isinstance(node, Sequence):
        return Sequence(tuple(_without_conditions(part) for part in node.parts))
    if isinstance(node, Choice):
        return Choice(tuple(_without_conditions(option) for option in node.options))
    if isinstance(node, Repeat):
        return Repeat(_without_conditions(node.node), node.low, node.high)
    return Group(_without_conditions(node.node), node.number) if isinstance(node, Group) else node


def _compiles(text: str) -> bool:
    """Whether the engine compiles a pattern; one that no string has counts."""
    message = refusal(json.dumps({"type": "string", "pattern": text}))
    return message is None or "nsatisfiable" in message
