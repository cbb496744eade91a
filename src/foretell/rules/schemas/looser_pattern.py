"""A pattern without what no automaton has: it finds all that the pattern finds, and perhaps more."""

from __future__ import annotations

import re

_LOOKING = ("(?=", "(?!", "(?<=", "(?<!")
_REFERENCE = re.compile(r"\\(?:[1-9][0-9]?|k<\w+>)")
_QUANTIFIER = re.compile(r"(?:[*+?]|\{\d+(?:,\d*)?\})\??")


def looser(pattern: str) -> str:
    """Look-around and word boundaries are left out, back-references stand for any text.

    >>> looser(r"^(?!x)(a|b)\\1$")
    '^(a|b)[\\\\s\\\\S]*$'
    """
    out, at = "", 0
    while at < len(pattern):
        if pattern.startswith(_LOOKING, at):
            at = _behind(pattern, _end(pattern, at))
        elif pattern[at] == "\\":
            reference = _REFERENCE.match(pattern, at)
            if reference:
                out, at = out + r"[\s\S]*", _behind(pattern, reference.end())
            elif pattern[at + 1 : at + 2] in ("b", "B"):
                at += 2
            else:
                out, at = out + pattern[at : at + 2], at + 2
        elif pattern[at] == "[":
            end = _end_of_class(pattern, at)
            out, at = out + pattern[at:end], end
        else:
            out, at = out + pattern[at], at + 1
    return out


def _behind(pattern: str, at: int) -> int:
    """The place behind a quantifier, if there is one."""
    match = _QUANTIFIER.match(pattern, at)
    return match.end() if match else at


def _end(pattern: str, at: int) -> int:
    """The place behind the group that begins here."""
    depth = 0
    while at < len(pattern):
        if pattern[at] == "\\":
            at += 1
        elif pattern[at] == "[":
            at = _end_of_class(pattern, at) - 1
        elif pattern[at] in "()":
            depth += 1 if pattern[at] == "(" else -1
            if not depth:
                return at + 1
        at += 1
    return at


def _end_of_class(pattern: str, at: int) -> int:
    """The place behind the class of characters that begins here."""
    at += 1
    while at < len(pattern) and pattern[at] != "]":
        at += 2 if pattern[at] == "\\" else 1
    return at + 1
