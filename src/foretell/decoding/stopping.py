"""Stop strings: texts that end an answer and are cut off it, also where tokens straddle them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from foretell.errors import UserError


def as_stop_strings(stop: str | Sequence[str]) -> tuple[str, ...]:
    """One stop string or several, as a tuple; UserError for empty ones."""
    strings = (stop,) if isinstance(stop, str) and stop else tuple(stop)
    for string in strings:
        if not isinstance(string, str) or not string:
            raise UserError(f"stop={stop!r} must be text, or texts, of at least one character")
    return strings


def cut(text: str, strings: Sequence[str]) -> str:
    """`text` up to the first stop string in it.

    >>> cut("one. two", ("two", ". "))
    'one'
    """
    places = [place for place in (text.find(string) for string in strings) if place >= 0]
    return text[: min(places)] if places else text


class StopWatch:
    """Called with the generated tokens after each new one; True once their text holds a stop string."""

    def __init__(self, tokenizer: Any, strings: Sequence[str]) -> None:
        self._tokenizer, self._decoder, self._strings = tokenizer, tokenizer.stream(), strings
        self._num, self._tail = 0, ""
        self._keep = max(map(len, strings)) - 1

    def __call__(self, tokens: list[int]) -> bool:
        if len(tokens) < self._num:  # some were taken back
            self._decoder, self._num, self._tail = self._tokenizer.stream(), 0, ""
        new = self._decoder.push(*tokens[self._num :])
        self._num = len(tokens)
        seen = self._tail + new
        self._tail = seen[-self._keep :] if self._keep else ""
        return any(string in seen for string in self._strings)


def held_back(text: str, strings: Sequence[str]) -> int:
    """How many characters at the end of `text` might be the beginning of a stop string.

    >>> held_back("a st", ("stop",))
    2
    """
    longest = min(max(map(len, strings), default=1) - 1, len(text))
    return next((n for n in range(longest, 0, -1) if any(string.startswith(text[-n:]) for string in strings)), 0)
