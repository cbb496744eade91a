"""Whether a string has a pattern or a format, in linear time: asked of the same engine that writes it.

Patterns that the engine lacks (look-around, back-references) are searched for by backtracking within a time limit.
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
from foretell.rules.grammars.llguidance_engine import compiled, from_json_schema

#: Bytes as tokens, to try grammars with.
BYTES = Vocabulary((*(bytes([byte]) for byte in range(256)), None), frozenset({256}))
#: Seconds for one search by backtracking.
SECONDS = 0.25
#: A character of a URI, one in brackets and the percent sign's three included.
_URI = r"([!$&-;=?-Z_a-z~#\[\]]|%[0-9A-Fa-f]{2})"
#: Formats of the standard that the engine does not know, as patterns: after RFC 3986, 3987, 6570 and 6901, roughly for addresses with
#: letters of all alphabets.
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
    """A pattern that nobody here can read, or a search that took too long."""


@cache
def format_schema(name: str) -> dict[str, str] | None:
    """A schema of strings that have this format, as the engine knows it or by a pattern; None for an unknown one."""
    if name in _MORE_FORMATS:
        return {"pattern": _MORE_FORMATS[name]}
    return {"format": name} if compiles({"type": "string", "format": name}) else None


def compiles(schema: dict[str, Any]) -> bool:
    """Whether the engine takes this schema."""
    return why_not(json.dumps(schema)) is None


@lru_cache(4096)
def why_not(schema: str) -> str | None:
    """The engine's reason to refuse a schema; None where it takes it."""
    try:
        compiled(from_json_schema(json.loads(schema)), BYTES)
    except ValueError as error:
        return str(error)
    return None


def has_format(name: str, text: str) -> bool:
    """Whether `text` has the format; unknown formats are annotations."""
    schema = format_schema(name)
    return schema is None or _written(json.dumps({"type": "string", **schema}), text)


def has_pattern(pattern: str, text: str) -> bool:
    """Whether the pattern is found in `text`, which is where no anchor says otherwise anywhere. PatternError if that took too long."""
    if compiles({"type": "string", "pattern": pattern}):
        return _written(json.dumps({"type": "string", "pattern": pattern}), text)
    search = _backtracking(pattern)
    if len(text) >= search.too_long:
        raise PatternError(f"pattern={pattern!r} takes more than {SECONDS} s for a string of {search.too_long} characters")
    try:
        return search.compiled.search(text, timeout=SECONDS) is not None
    except TimeoutError:
        search.too_long = len(text)
        return has_pattern(pattern, text)  # which says so


def check_pattern(pattern: str) -> bool:
    """Whether the engine reads the pattern; False where only backtracking does. PatternError where neither does."""
    if compiles({"type": "string", "pattern": pattern}):
        return True
    _backtracking(pattern)
    return False


def all_read(patterns: Iterable[str]) -> bool:
    """Whether the engine reads all the patterns. PatternError where nobody does."""
    return False not in {check_pattern(pattern) for pattern in patterns}


@lru_cache(16384)
def _written(schema: str, text: str) -> bool:
    matcher = _matcher(schema).deep_copy()  # threads may ask at once
    try:
        data = list(written(text).encode())
    except UnicodeEncodeError:  # half a surrogate pair is no text
        return False
    return matcher.try_consume_tokens(data) == len(data) and matcher.is_accepting()


@lru_cache(1024)
def _matcher(schema: str) -> Any:
    return compiled(from_json_schema(json.loads(schema)), BYTES)


def written(text: str) -> str:
    """A string in JSON as the engine writes it: only what must be escaped is."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


@dataclass
class _Search:
    """too_long: characters of a string that took too long; none so long is searched again."""

    compiled: Any
    too_long: float = math.inf


@lru_cache(1024)
def _backtracking(pattern: str) -> _Search:
    import regex

    try:
        return _Search(regex.compile(_for_python(pattern)))
    except (regex.error, RecursionError, OverflowError) as error:
        raise PatternError(f"pattern={pattern!r} is no regular expression that can be checked: {error}") from None


def _for_python(pattern: str) -> str:
    """A pattern of ECMA-262 as Python reads it: `$` is the very end, classes of letters and digits are ASCII."""
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
