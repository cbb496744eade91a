"""Short endings of texts under a constraint: tokens after which the text may end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from foretell.decoding.token_set import TokenSet
from foretell.errors import UserError


class RuledText(Protocol):
    """A text under a constraint: what is asked here of a `ConstraintState`."""

    @property
    def vocabulary(self) -> Any:
        """What the tokens write, and which of them end a text."""

    @property
    def accepting(self) -> bool:
        """Whether the text may end here."""

    def allowed(self) -> TokenSet:
        """The tokens that may come next."""

    def accepts(self, token: int) -> bool:
        """Whether `token` may come next."""

    def forced(self, max_tokens: int = 64) -> list[int]:
        """The tokens that must come next."""

    def advance(self, token: int) -> Any:
        """The text with one more token."""

    def ending(self, max_tokens: int) -> list[int] | None:
        """A known ending."""


#: The tokens to try at a state, the most promising first.
Choices = Callable[[RuledText], Iterator[int]]
#: The most steps of a search.
_MAX_STEPS = 3000
#: Of the tokens that may come next, how many `closing_tokens` tries.
_MAX_TRIED = 24
#: A search for an ending is given up after so many seconds: what a constraint checks may be slow.
SEARCH_SECONDS = 2.0
#: So many seconds of searches give up the ending of a text.
TEXT_SECONDS = 10.0


class KnownEnding:
    """An ending of a request's text, kept up to date as the text grows. tokens: it; None if none was found, which ends the search for
    this text. state: where it begins. seconds: what searches took so far."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.tokens: list[int] | None = []
        self.state: RuledText | None = None

    def fits(self, state: RuledText, token: int, after: RuledText, room: int) -> bool:
        """Whether the text may go on from `state` by `token` to `after`, because an ending after it fits, or none fits before it either.

        room: how many tokens may be generated after `state`. An ending of the state that the text then has is known afterwards.
        """
        if self.tokens is not None and self.state is not state:  # the text begins here, or tokens were taken back
            self.tokens, self.state = self._searched(state, room), state
        if self.seconds > TEXT_SECONDS:
            self.tokens = None
        if self.tokens is None:
            return True
        ending = self._ending_after(token, after, room - 1)
        if ending is None:
            return False
        self.tokens, self.state = ending, after
        return True

    def _ending_after(self, token: int, after: RuledText, room: int) -> list[int] | None:
        assert self.tokens is not None
        if self.tokens[:1] == [token]:
            return self.tokens[1:]
        if len(self.tokens) <= room and follows(after, self.tokens):
            return self.tokens
        return self._searched(after, room)

    def _searched(self, state: RuledText, room: int) -> list[int] | None:
        begin = time.monotonic()
        tokens = state.ending(room)
        self.seconds += time.monotonic() - begin
        return tokens


def find_ending(state: RuledText, max_tokens: int, choices: Choices) -> list[int] | None:
    """Tokens, at most `max_tokens`, that lead from `state` to one where the text may end; None if none are found in time.

    The search is depth-first. Forced tokens are taken as they are; elsewhere `choices` are tried in their order. The tokenizer's own
    tokens for the same text are returned where they are fewer.
    """
    at: Any = state
    tokens: list[int] = []
    trail: list[tuple[Any, Iterator[int], int]] = []  # places with a choice, what is left to try there, and the tokens before
    most, end = 3 * max_tokens, time.monotonic() + SEARCH_SECONDS  # the tokenizer may need fewer than were chosen
    for _ in range(_MAX_STEPS):
        if at.accepting:
            break
        steps = at.forced(64) if len(tokens) <= most else []
        if not steps and len(tokens) <= most:
            trail.append((at, choices(at), len(tokens)))
        while not steps:
            if not trail or time.monotonic() > end:
                return None
            at, left, num = trail[-1]
            del tokens[num:]
            steps = [token for token in [next(left, None)] if token is not None]
            if not steps:
                trail.pop()
        for token in steps:
            tokens.append(token)
            at = at.advance(token)
            if at.accepting:
                break
    if not at.accepting:
        return None
    shorter = _retokenized(state, tokens)
    return shorter if len(shorter) <= max_tokens else None


def follows(state: RuledText, tokens: Sequence[int]) -> bool:
    """Whether these tokens may come next, and the text may end after them."""
    for token in tokens:
        if token in state.vocabulary.stop_tokens or not state.accepts(token):
            return False
        state = state.advance(token)
    return state.accepting


def closing_tokens(state: RuledText) -> Iterator[int]:
    """A few allowed tokens: first those after which the text may end, then the others, the shortest first."""
    others = []
    for token in _short_tokens(state):
        if state.advance(token).accepting:
            yield token
        else:
            others.append(token)
    yield from others


def _short_tokens(state: RuledText) -> list[int]:
    texts, stops = state.vocabulary.tokens, state.vocabulary.stop_tokens
    allowed = [token for token in state.allowed().ids.tolist() if token not in stops]
    return sorted(allowed, key=lambda token: len(texts[token] or b""))[:_MAX_TRIED]


def _retokenized(state: RuledText, tokens: list[int]) -> list[int]:
    """The tokenizer's tokens of the same text, where they are fewer and allowed."""
    try:
        other = state.vocabulary.encode(state.vocabulary.text(tokens))
    except UserError:
        return tokens
    return other if len(other) < len(tokens) and follows(state, other) else tokens
