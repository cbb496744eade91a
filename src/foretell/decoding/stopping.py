"""The text of an answer, up to its stop strings: they end it, are not part of it, and need not align with token boundaries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from foretell.errors import UserError


def as_stop_strings(stop: str | Sequence[str]) -> tuple[str, ...]:
    """One or several stop strings, as a tuple; UserError for empty strings and values that are no text."""
    strings = (stop,) if isinstance(stop, str) else tuple(stop)
    for string in strings:
        if not isinstance(string, str) or not string:
            raise UserError(f"stop={stop!r} must be text, or texts, of at least one character; leave it out to stop at none")
    return strings


class AnswerText:
    """Makes the tokens of an answer into text, one after the other: the one path for whole answers, streams and stop strings.

    tokenizer: a `foretell.models.text.Text`. prompt: token ids before the answer, which continues their text. strings: stop strings. A
    control token counts in the search for strings that contain the whole of it, such as "<|im_end|>", though the text does not show it.
    stopped: whether a stop string was found; further tokens then write nothing.
    """

    def __init__(self, tokenizer: Any, prompt: Sequence[int], strings: Sequence[str] = ()) -> None:
        self.stopped = False
        self._stream, self._strings = tokenizer.stream(prompt), tuple(strings)
        named = tokenizer.control_tokens.items() if strings else ()
        self._controls = {token: name for token, name in named if any(name in string for string in strings)}
        self._held: list[tuple[str, bool]] = []  # characters that may begin a stop string, and whether the text shows them

    def push(self, *tokens: int) -> str:
        """The text that has become certain by these tokens, perhaps none."""
        return "".join(map(self._push, tokens))

    def finish(self) -> str:
        """What was still held back."""
        text = self._released(self._stream.finish(), True)
        rest = "" if self.stopped else _shown(self._held)
        self._held = []
        return text + rest

    def _push(self, token: int) -> str:
        name = self._controls.get(token)
        return self._released(self._stream.push(token), True) if name is None else self._released(name, False)

    def _released(self, piece: str, shows: bool) -> str:
        if self.stopped or not self._strings:
            return "" if self.stopped else piece
        self._held += [(char, shows) for char in piece]
        everything, text = "".join(char for char, _ in self._held), _shown(self._held)
        places = [place for place, (_, shown) in enumerate(self._held) if shown]  # of the text's characters in everything
        found = [places[i] for i in _starts(text, self._strings)] + _starts(everything, self._strings)
        if found:
            self.stopped = True
            return _shown(self._held[: min(found)])
        num = len(everything) - held_back(everything, self._strings)
        kept = held_back(text, self._strings)
        if kept:
            num = min(num, places[-kept])
        released, self._held = self._held[:num], self._held[num:]
        return _shown(released)


def answer_text(tokenizer: Any, prompt: Sequence[int], tokens: Iterable[int], strings: Sequence[str] = ()) -> str:
    """The whole text of an answer, as `AnswerText` makes it."""
    answer = AnswerText(tokenizer, prompt, strings)
    return answer.push(*tokens) + answer.finish()


class StopWatch:
    """Whether the text of the generated tokens contains a stop string. Call it with all generated tokens after each new one."""

    def __init__(self, tokenizer: Any, prompt: Sequence[int], strings: Sequence[str]) -> None:
        self._new = lambda: AnswerText(tokenizer, prompt, strings)
        self._text, self._seen = self._new(), list[int]()

    def __call__(self, tokens: list[int]) -> bool:
        if tokens[: len(self._seen)] != self._seen:  # tokens were taken back
            self._text, self._seen = self._new(), []
        self._text.push(*tokens[len(self._seen) :])
        self._seen = list(tokens)
        return self._text.stopped


def held_back(text: str, strings: Sequence[str]) -> int:
    """Number of characters at the end of `text` that may be the beginning of a stop string.

    >>> held_back("a st", ("stop",))
    2
    """
    longest = min(max(map(len, strings), default=1) - 1, len(text))
    return next((n for n in range(longest, 0, -1) if any(string.startswith(text[-n:]) for string in strings)), 0)


def _starts(text: str, strings: Sequence[str]) -> list[int]:
    return [start for start in (text.find(string) for string in strings) if start >= 0]


def _shown(chars: Iterable[tuple[str, bool]]) -> str:
    return "".join(char for char, shows in chars if shows)
