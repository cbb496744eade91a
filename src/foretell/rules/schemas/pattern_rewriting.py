"""Patterns (regular expressions) that automata do not support, rewritten: look-ahead at the beginning exactly, the rest loosely."""

from __future__ import annotations

import re
from collections.abc import Iterable

#: The most characters that excluded words may have together, and one of them.
_MAX_CHARACTERS, _MAX_WORD = 2000, 60
_CHAR = r"(?:[A-Za-z0-9_ :,@#%&=~-]|\\[^A-Za-z0-9])"
_WORDS = rf"{_CHAR}+(?:\|{_CHAR}+)*"
#: `^(?!a|b)...`, `^(?!(a|b)$)...` and `^(?!a$)...`: the words of the first two, or the one word of the third.
_LOOKAHEAD = re.compile(
    rf"\^\(\?!(?:(?P<begin>{_WORDS})|\((?:\?:)?(?P<group>{_WORDS})\)(?P<whole>\$)?|(?P<one>{_CHAR}+)\$)\)(?P<rest>.*)", re.DOTALL
)
_LOOKAROUND = ("(?=", "(?!", "(?<=", "(?<!")
_REFERENCE = re.compile(r"\\(?:[1-9][0-9]?|k<\w+>)")
_QUANTIFIER = re.compile(r"(?:[*+?]|\{\d+(?:,\d*)?\})\??")


def excluding(words: Iterable[str], prefixes: bool = False) -> str | None:
    """A pattern of exactly the strings that are none of the words. None if the words are too long together, or no string is left.

    prefixes: instead, of the strings that begin with none of the words.

    >>> excluding(["a", "ab"])
    '^(?:|a(?:b[\\\\s\\\\S]+|[^b][\\\\s\\\\S]*)|[^a][\\\\s\\\\S]*)$'
    """
    words = sorted(set(words))
    if sum(map(len, words)) > _MAX_CHARACTERS or any(len(word) > _MAX_WORD for word in words) or (prefixes and "" in words):
        return None
    return f"^{_excluding_group(words, prefixes)}$"


def _excluding_group(words: list[str], prefixes: bool) -> str:
    """A group for the strings that may follow where these words must not."""
    options = [] if "" in words else [""]
    initials = sorted({word[0] for word in words if word})
    for char in initials:
        rest = [word[1:] for word in words if word[:1] == char]
        if rest == [""]:
            options += [] if prefixes else [_literal(char) + r"[\s\S]+"]
        elif not (prefixes and "" in rest):
            options.append(_literal(char) + _excluding_group(rest, prefixes))
    options.append(f"[^{''.join(map(_literal, initials))}]" + r"[\s\S]*" if initials else r"[\s\S]+")
    return f"(?:{'|'.join(options)})"


def _literal(char: str) -> str:
    return char if char.isascii() and char.isalnum() else rf"\x{{{ord(char):x}}}"


def split_lookahead(pattern: str) -> tuple[str, str] | None:
    """(a pattern in place of the negative look-ahead at the beginning, the rest): a string has `pattern` if it has both. None if the
    pattern does not begin with a look-ahead for words."""
    match = _LOOKAHEAD.fullmatch(pattern)
    if match is None:
        return None
    alternatives = match["begin"] or match["group"] or match["one"]
    words = [re.sub(r"\\(.)", r"\1", word, flags=re.DOTALL) for word in re.split(r"(?<!\\)\|", alternatives)]
    ahead = excluding(words, prefixes=match["whole"] is None and match["one"] is None)
    return None if ahead is None or _has_top_level_choice(match["rest"]) else (ahead, "^" + match["rest"])


def _has_top_level_choice(rest: str) -> bool:
    """Whether `rest` has alternatives outside of groups; the look-ahead then belongs to the first of them only."""
    depth, at = 0, 0
    while at < len(rest):
        if rest[at] == "\\":
            at += 1
        elif rest[at] == "[":
            at = max(rest.find("]", at + 2), at)
        elif rest[at] in "()":
            depth += 1 if rest[at] == "(" else -1
        elif rest[at] == "|" and not depth:
            return True
        at += 1
    return False


def looser(pattern: str) -> str:
    """A pattern without look-around, word boundaries and back-references that every string with `pattern` has.

    >>> looser(r"^(?!x)(a|b)\\1$")
    '^(a|b)[\\\\s\\\\S]*$'
    """
    out, at = "", 0
    while at < len(pattern):
        if pattern.startswith(_LOOKAROUND, at):
            at = _after_quantifier(pattern, _after_group(pattern, at))
        elif pattern[at] == "\\":
            reference = _REFERENCE.match(pattern, at)
            if reference:
                out, at = out + r"[\s\S]*", _after_quantifier(pattern, reference.end())
            elif pattern[at + 1 : at + 2] in ("b", "B"):
                at += 2
            else:
                out, at = out + pattern[at : at + 2], at + 2
        elif pattern[at] == "[":
            end = _after_class(pattern, at)
            out, at = out + pattern[at:end], end
        else:
            out, at = out + pattern[at], at + 1
    return out


def _after_quantifier(pattern: str, at: int) -> int:
    """The index after the quantifier at `at`, or `at` if there is none."""
    match = _QUANTIFIER.match(pattern, at)
    return match.end() if match else at


def _after_group(pattern: str, at: int) -> int:
    """The index after the group that begins at `at`."""
    depth = 0
    while at < len(pattern):
        if pattern[at] == "\\":
            at += 1
        elif pattern[at] == "[":
            at = _after_class(pattern, at) - 1
        elif pattern[at] in "()":
            depth += 1 if pattern[at] == "(" else -1
            if not depth:
                return at + 1
        at += 1
    return at


def _after_class(pattern: str, at: int) -> int:
    """The index after the character class that begins at `at`."""
    at += 1
    while at < len(pattern) and pattern[at] != "]":
        at += 2 if pattern[at] == "\\" else 1
    return at + 1
