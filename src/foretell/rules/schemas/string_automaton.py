"""The automaton of the strings that are valid at a node: patterns, lengths, formats and values, and their combinations."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from typing import Any

from foretell.rules.patterns.char_automaton import CharAutomaton, automaton_of, intersection
from foretell.rules.patterns.ecma import parsed
from foretell.rules.patterns.formulas import TooLargeError
from foretell.rules.patterns.references import without_references
from foretell.rules.patterns.syntax import ANYTHING, BEGIN, END, Chars, Choice, Sequence
from foretell.rules.schemas.engine_schema import TYPE_OF_KEYWORD
from foretell.rules.schemas.formats import FORMATS
from foretell.rules.schemas.schema_graph import SchemaNode

_MAX_DEPTH = 20


def string_automaton(node: SchemaNode, formats: bool, depth: int = 0) -> CharAutomaton:
    """The automaton of a node's strings. formats: whether known formats are enforced. TooLargeError if it is too large, or a keyword
    is not regular."""
    if depth > _MAX_DEPTH:
        raise TooLargeError("subschemas are nested too deeply")
    if node.allows_nothing:
        return automaton_of(Choice(()))
    parts = [_of_keyword(node, keyword, value, formats, depth + 1) for keyword, value in node.keywords.items()]
    return _all(parts)


def _of_keyword(node: SchemaNode, keyword: str, value: Any, formats: bool, depth: int) -> CharAutomaton:
    def inner(each: SchemaNode) -> CharAutomaton:
        return string_automaton(each, formats, depth)

    if keyword == "pattern":
        return _of_pattern(value)
    if keyword in ("minLength", "maxLength"):
        return _of_pattern(rf"^[\s\S]{{{f'0,{int(value)}' if keyword == 'maxLength' else f'{int(value)},'}}}$")
    if keyword == "format":
        known = FORMATS.get(value) if formats else None
        if known is not None and (known.is_valid is not None or known.most is not None):
            raise TooLargeError("a format is no regular language")
        return _all(_of_pattern(pattern) for pattern in (() if known is None else known.patterns))
    if keyword in ("const", "enum"):
        words = [each for each in ([value] if keyword == "const" else value) if isinstance(each, str)]
        chars = [Sequence(tuple(Chars(((ord(char), ord(char)),)) for char in word)) for word in words]
        return automaton_of(Sequence((BEGIN, Choice(tuple(chars)), END)))
    if keyword == "type":
        return automaton_of(ANYTHING if "string" in value else Choice(()))
    if keyword in ("allOf", "$ref"):
        return _all(map(inner, value))
    if keyword == "anyOf":
        return _all(inner(each).complement() for each in value).complement()
    if keyword == "not":
        return inner(value).complement()
    if TYPE_OF_KEYWORD.get(keyword, "string") != "string":
        return automaton_of(ANYTHING)  # it restricts values of another type
    raise TooLargeError(f"{node.path}/{keyword} has no automaton")


def _of_pattern(pattern: str) -> CharAutomaton:
    return automaton_of(without_references(parsed(pattern)))


def _all(automata: Iterable[CharAutomaton]) -> CharAutomaton:
    """The automaton of the texts that all accept."""
    return reduce(intersection, automata, automaton_of(ANYTHING))
