"""Whether a string has a pattern or a format, tested in linear time by the engine that also generates it.

Patterns that the engine does not support (look-around, back-references) are searched by backtracking, within a time limit.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from foretell.errors import UserError
from foretell.models.vocabulary import Vocabulary
from foretell.rules.grammars.llguidance_engine import compile_grammar, from_json_schema

#: A vocabulary whose tokens are the 256 bytes, to test schemas and texts without a model.
BYTES = Vocabulary((*(bytes([byte]) for byte in range(256)), None), frozenset({256}))
#: The time limit of one search by backtracking, in seconds.
SEARCH_TIMEOUT = 0.25
#: A character of a URI, with brackets and percent-encoded characters.
_URI = r"([!$&-;=?-Z_a-z~#\[\]]|%[0-9A-Fa-f]{2})"
#: Patterns of the standard's formats that the engine does not support, after RFC 3986, 3987, 6570 and 6901; those of internationalized
#: addresses are approximate.
_MORE_FORMATS = {
    "json-pointer": r"^(/([^/~]|~[01])*)*$",
    "relative-json-pointer": r"^(0|[1-9][0-9]*)(#|(/([^/~]|~[01])*)*)$",
    "uri-reference": rf"^([A-Za-z][A-Za-z0-9+.-]*:{_URI}*|([!$&-9;=@-Z_a-z~]|%[0-9A-Fa-f]{{2}})*([/?#]{_URI}*)?)$",
    "uri-template": r"^([^\x00-\x20\x7f\"'%<>\\^`{|}]|%[0-9A-Fa-f]{2}|\{[+#./;?&=,!@|]?[A-Za-z0-9_%.:*,]+\})*$",
    "iri": r"^[A-Za-z][A-Za-z0-9+.-]*:([^\x00-\x20\x7f\"%<>\\^`{|}]|%[0-9A-Fa-f]{2})*$",
    "iri-reference": r"^([^\x00-\x20\x7f\"%<>\\^`{|}]|%[0-9A-Fa-f]{2})*$",
    "idn-email": r"^[^\s@]+@[^\s@]+$",
    "idn-hostname": r"^[^\s.@/]{1,63}(\.[^\s.@/]{1,63})*$",
}


class PatternError(UserError):
    """A pattern that neither the engine nor the `regex` package can read, or a search that took too long."""


@cache
def format_schema(name: str) -> dict[str, str] | None:
    """An engine schema of the strings with this format; None for an unknown format."""
    if name in _MORE_FORMATS:
        return {"pattern": _MORE_FORMATS[name]}
    return {"format": name} if compiles({"type": "string", "format": name}) else None


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
    schema = format_schema(name)
    return schema is None or _generates(json.dumps({"type": "string", **schema}), text)


def has_pattern(pattern: str, text: str) -> bool:
    """Whether the pattern is found in `text`, anywhere unless it is anchored. PatternError if the search takes too long."""
    if compiles({"type": "string", "pattern": pattern}):
        return _generates(json.dumps({"type": "string", "pattern": pattern}), text)
    search = _backtracking(pattern)
    if len(text) >= search.num_too_long:
        raise PatternError(f"pattern={pattern!r} takes more than {SEARCH_TIMEOUT} s for a string of {search.num_too_long} characters")
    try:
        return search.compiled.search(text, timeout=SEARCH_TIMEOUT) is not None
    except TimeoutError:
        search.num_too_long = len(text)
        return has_pattern(pattern, text)  # raises the error


def check_pattern(pattern: str) -> bool:
    """Whether the engine supports the pattern; False if only backtracking does. PatternError if neither does."""
    if compiles({"type": "string", "pattern": pattern}):
        return True
    _backtracking(pattern)
    return False


def all_compile(patterns: Iterable[str]) -> bool:
    """Whether the engine supports all the patterns. PatternError as in `check_pattern`; all are checked."""
    return False not in {check_pattern(pattern) for pattern in patterns}


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

    try:
        return _Search(regex.compile(_for_python(pattern)))
    except (regex.error, RecursionError, OverflowError) as error:
        raise PatternError(f"pattern={pattern!r} is not a regular expression that can be checked: {error}") from None


def _for_python(pattern: str) -> str:
    """A pattern of ECMA-262 in Python's syntax: `$` matches at the end only, and letter and digit classes are ASCII."""
    classes = {"d": "0-9", "w": "A-Za-z0-9_"}
    out, at, in_class = "", 0, False
    pattern = pattern.replace("[^]", r"[\s\S]").replace("[]", "(?!)")
    while at < len(pattern):
        char, after = pattern[at], pattern[at + 1 : at + 2]
        at += 1
        if char == "\\" and after:
            at += 1
            if after in classes:
                out += classes[after] if in_class else f"[{classes[after]}]"
            elif after in ("D", "W") and not in_class:
                out += f"[^{classes[after.lower()]}]"
            else:
                out += "/" if after == "/" else char + after
        else:
            in_class = (char == "[" and not in_class) or (in_class and char != "]")
            out += r"\Z" if char == "$" and not in_class else char
    return out
