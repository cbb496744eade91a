"""Short endings of texts under a constraint: tokens after which the text may end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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


#: Says which token to take at a state; None if there is none.
Choose = Callable[[RuledText], int | None]
#: Of the tokens that may come next, how many `ClosingTokens` tries.
_MAX_TRIED = 24


class KnownEnding:
    """An ending of a request's text, kept up to date as the text grows. tokens: it; None if none was found, which ends the search for
    this text. state: where it begins."""

    def __init__(self) -> None:
        self.tokens: list[int] | None = []
        self.state: RuledText | None = None

    def fits(self, state: RuledText, token: int, after: RuledText, room: int) -> bool:
        """Whether the text may go on from `state` by `token` to `after`, because an ending after it fits, or none fits before it either.

        room: how many tokens may be generated after `state`. An ending of the state that the text then has is known afterwards.
        """
        if self.tokens is not None and self.state is not state:  # the text begins here, or tokens were taken back
            self.tokens, self.state = state.ending(room), state
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
        return after.ending(room)


def find_ending(state: RuledText, max_tokens: int, choose: Choose) -> list[int] | None:
    """Tokens, at most `max_tokens`, that lead from `state` to one where the text may end; None if `choose` leads to none.

    Forced tokens are taken as they are. The tokenizer's own tokens for the same text are returned where they are fewer.
    """
    tokens: list[int] = []
    at: Any = state
    most = 3 * max_tokens  # the tokenizer may need fewer than were chosen
    while not at.accepting:
        forced = at.forced(64)
        token = None if forced else choose(at)
        if (not forced and token is None) or len(tokens) > most:
            return None
        for each in forced or [token]:
            assert each is not None
            tokens.append(each)
            at = at.advance(each)
            if at.accepting:
                break
    shorter = _retokenized(state, tokens)
    return shorter if len(shorter) <= max_tokens else None


def follows(state: RuledText, tokens: Sequence[int]) -> bool:
    """Whether these tokens may come next, and the text may end after them."""
    for token in tokens:
        if token in state.vocabulary.stop_tokens or not state.accepts(token):
            return False
        state = state.advance(token)
    return state.accepting


class ClosingTokens:
    """Chooses the first of a few allowed tokens after which the text may end; otherwise another one each time. Short tokens come first."""

    def __init__(self) -> None:
        self.num_chosen = 0

    def __call__(self, state: RuledText) -> int | None:
        tried = _short_tokens(state)
        for token in tried:
            if state.advance(token).accepting:
                return token
        self.num_chosen += 1
        return tried[self.num_chosen % len(tried)] if tried else None


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
