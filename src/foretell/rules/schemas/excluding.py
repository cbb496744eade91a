"""Patterns for strings that are none of some words, or begin with none of them: what `not` and `(?!...)` mostly mean."""

from __future__ import annotations

import re
from collections.abc import Iterable

#: Characters that the words may have together.
_MOST = 2000
_CHAR = r"(?:[A-Za-z0-9_ :,@#%&=~-]|\\[^A-Za-z0-9])"
_WORDS = rf"{_CHAR}+(?:\|{_CHAR}+)*"
#: `^(?!a|b)...`, `^(?!(a|b)$)...` and `^(?!a$)...`; the alternatives of the first two, or the one word of the third.
_AHEAD = re.compile(
    rf"\^\(\?!(?:(?P<begin>{_WORDS})|\((?:\?:)?(?P<group>{_WORDS})\)(?P<whole>\$)?|(?P<one>{_CHAR}+)\$)\)(?P<rest>.*)", re.DOTALL
)


def excluding(words: Iterable[str], beginnings: bool = False) -> str | None:
    """A pattern of exactly the strings that are none of the words (or begin with none); None where the words are too long together, or
    no string is left.

    >>> excluding(["a", "ab"])
    '^(?:|a(?:b[\\\\s\\\\S]+|[^b][\\\\s\\\\S]*)|[^a][\\\\s\\\\S]*)$'
    """
    words = sorted(set(words))
    if sum(map(len, words)) > _MOST or any(len(word) > 60 for word in words) or (beginnings and "" in words):
        return None
    return f"^{_others(words, beginnings)}$"


def _others(words: list[str], beginnings: bool) -> str:
    """A group for what may follow where these words must not."""
    options = [] if "" in words else [""]
    first = sorted({word[0] for word in words if word})
    for char in first:
        rest = [word[1:] for word in words if word[:1] == char]
        if rest == [""]:
            options += [] if beginnings else [_literal(char) + r"[\s\S]+"]
        elif not (beginnings and "" in rest):
            options.append(_literal(char) + _others(rest, beginnings))
    options.append(f"[^{''.join(map(_literal, first))}]" + r"[\s\S]*" if first else r"[\s\S]+")
    return f"(?:{'|'.join(options)})"


def _literal(char: str) -> str:
    return char if char.isascii() and char.isalnum() else rf"\x{{{ord(char):x}}}"


def split(pattern: str) -> tuple[str, str] | None:
    """(a pattern in place of the negative look-ahead that this one begins with, the rest of it): both together are the pattern. None
    where it begins otherwise."""
    match = _AHEAD.fullmatch(pattern)
    if match is None:
        return None
    found = match["begin"] or match["group"] or match["one"]
    words = [re.sub(r"\\(.)", r"\1", word, flags=re.DOTALL) for word in re.split(r"(?<!\\)\|", found)]
    ahead = excluding(words, beginnings=match["whole"] is None and match["one"] is None)
    return None if ahead is None or _open_choice(match["rest"]) else (ahead, "^" + match["rest"])


def _open_choice(rest: str) -> bool:
    """Whether a choice outside of groups follows, to whose first alternative alone the look-ahead belongs."""
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
