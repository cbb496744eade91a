"""Stop strings: they end a generated text and are not part of it. They need not align with token boundaries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from foretell.errors import UserError


def as_stop_strings(stop: str | Sequence[str]) -> tuple[str, ...]:
    """One or several stop strings, as a tuple; UserError for empty strings and values that are no text."""
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
    starts = [start for start in (text.find(string) for string in strings) if start >= 0]
    return text[: min(starts)] if starts else text


class StopWatch:
    """Whether the text of the generated tokens contains a stop string. Call it with all generated tokens after each new one."""

    def __init__(self, tokenizer: Any, strings: Sequence[str]) -> None:
        self._tokenizer, self._decoder, self._strings = tokenizer, tokenizer.stream(), strings
        self._num, self._tail = 0, ""
        self._keep = max(map(len, strings)) - 1

    def __call__(self, tokens: list[int]) -> bool:
        if len(tokens) < self._num:  # tokens were taken back
            self._decoder, self._num, self._tail = self._tokenizer.stream(), 0, ""
        new = self._decoder.push(*tokens[self._num :])
        self._num = len(tokens)
        text = self._tail + new
        self._tail = text[-self._keep :] if self._keep else ""
        return any(string in text for string in self._strings)


def held_back(text: str, strings: Sequence[str]) -> int:
    """Number of characters at the end of `text` that may be the beginning of a stop string.

    >>> held_back("a st", ("stop",))
    2
    """
    longest = min(max(map(len, strings), default=1) - 1, len(text))
    return next((n for n in range(longest, 0, -1) if any(string.startswith(text[-n:]) for string in strings)), 0)
