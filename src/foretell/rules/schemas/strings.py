"""Whether a string has a pattern or a format, tested in linear time by the engine that also generates it.

Patterns with look-around are tested by automata. Those with references to groups are searched by backtracking, within a time limit.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from foretell.models.vocabulary import Vocabulary
from foretell.rules.grammars.llguidance_engine import compile_grammar, from_json_schema
from foretell.rules.patterns.char_automaton import automaton_of
from foretell.rules.patterns.ecma import PatternError, parsed
from foretell.rules.patterns.formulas import TooLargeError
from foretell.rules.patterns.syntax import engine_text, python_text
from foretell.rules.schemas.formats import FORMATS

#: A vocabulary whose tokens are the 256 bytes, to test schemas and texts without a model.
BYTES = Vocabulary((*(bytes([byte]) for byte in range(256)), None), frozenset({256}))
#: The time limit of one search by backtracking, in seconds.
SEARCH_TIMEOUT = 0.25


def compiles(schema: dict[str, Any]) -> bool:
    """Whether the engine compiles this schema."""
    return refusal(json.dumps(schema)) is None


@lru_cache(4096)
def refusal(schema: str) -> str | None:
    """The engine's error for a schema (as JSON text); None if it compiles."""
    try:
        compile_grammar(from_json_schema(json.loads(schema)), BYTES)
    except ValueError as error:
        return str(error)
    return None


def has_format(name: str, text: str) -> bool:
    """Whether `text` has the format; True for unknown formats, which are annotations."""
    known = FORMATS.get(name)
    if known is None:
        return True
    is_short = known.most is None or len(text) <= known.most
    return is_short and all(has_pattern(each, text) for each in known.patterns) and (known.is_valid is None or known.is_valid(text))


def has_pattern(pattern: str, text: str) -> bool:
    """Whether the pattern is found in `text`, anywhere unless it is anchored. PatternError if the search takes too long."""
    for_engine = engine_text(parsed(pattern))
    if "\0" not in text and compiles({"type": "string", "pattern": for_engine}):  # the engine's classes may lack that character
        return _generates(json.dumps({"type": "string", "pattern": for_engine}), text)
    if any("\ud800" <= char <= "\udfff" for char in text):
        return False
    try:
        return automaton_of(parsed(pattern)).matches(text)
    except TooLargeError:
        return _is_found(_backtracking(pattern), pattern, text)


def _is_found(search: _Search, pattern: str, text: str) -> bool:
    """Whether backtracking finds the pattern."""
    if len(text) < search.num_too_long:
        try:
            return search.compiled.search(text, timeout=SEARCH_TIMEOUT) is not None
        except TimeoutError:
            search.num_too_long = len(text)
    raise PatternError(f"pattern={pattern!r} takes more than {SEARCH_TIMEOUT} s for a string of {search.num_too_long} characters")


@lru_cache(16384)
def _generates(schema: str, text: str) -> bool:
    matcher = _matcher(schema).deep_copy()  # threads may share it
    try:
        data = list(json_string(text).encode())
    except UnicodeEncodeError:  # a lone surrogate has no bytes
        return False
    return matcher.try_consume_tokens(data) == len(data) and matcher.is_accepting()


@lru_cache(1024)
def _matcher(schema: str) -> Any:
    return compile_grammar(from_json_schema(json.loads(schema)), BYTES).matcher


def json_string(text: str) -> str:
    """A string as JSON in the engine's form: escaped only where JSON requires it."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


@dataclass
class _Search:
    """A pattern for backtracking. num_too_long: the length of a string that took too long; strings so long are not searched again."""

    compiled: Any
    num_too_long: float = math.inf


@lru_cache(1024)
def _backtracking(pattern: str) -> _Search:
    import regex

    return _Search(regex.compile(python_text(parsed(pattern))))
