"""Patterns of the strings that are none of some words."""

from __future__ import annotations

from collections.abc import Iterable

from foretell.rules.patterns.syntax import class_text

#: The most characters that excluded words may have together, and one of them.
_MAX_CHARACTERS, _MAX_WORD = 2000, 60


def excluding(words: Iterable[str]) -> str | None:
    """A pattern of exactly the strings that are none of the words. None if the words are too long together.

    >>> excluding(["a", "ab"])
    '^(?:|a(?:b[\\\\s\\\\S]+|[^b][\\\\s\\\\S]*)|[^a][\\\\s\\\\S]*)$'
    """
    words = sorted(set(words))
    if sum(map(len, words)) > _MAX_CHARACTERS or any(len(word) > _MAX_WORD for word in words):
        return None
    return f"^{_excluding_group(words)}$"


def _excluding_group(words: list[str]) -> str:
    """A group for the strings that may follow where these words must not."""
    options = [] if "" in words else [""]
    initials = sorted({word[0] for word in words if word})
    for char in initials:
        rest = [word[1:] for word in words if word[:1] == char]
        if rest == [""]:
            options.append(_literal(char) + r"[\s\S]+")
        else:
            options.append(_literal(char) + _excluding_group(rest))
    options.append(f"[^{''.join(map(_literal, initials))}]" + r"[\s\S]*" if initials else r"[\s\S]+")
    return f"(?:{'|'.join(options)})"


def _literal(char: str) -> str:
    return class_text(((ord(char), ord(char)),))
