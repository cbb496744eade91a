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
_MAX_TRIED = 12
#: A search for an ending is given up after so many seconds: what a constraint checks may be slow.
SEARCH_SECONDS = 2.0
#: So many seconds of searches give up the ending of a text.
TEXT_SECONDS = 10.0
#: Of a known ending, how many first tokens may be written already in another way.
_MAX_SUFFIXES = 4


class KnownEnding:
    """An ending of a request's text, looked for now and then as the text grows.

    While the text is far from its limit, most tokens are not looked at: after an ending that leaves so many tokens to spare, a sixteenth of
    them. Where no ending fits any more, the tokens since then are gone through one by one.

    tokens: the ending from `state`, the text's when it was last looked at and `room` tokens were left; None before the first look. since:
    the tokens after that. given_up: whether the text goes on as it would without endings. seconds: what searches took so far.
    """

    def __init__(self) -> None:
        self.tokens: list[int] | None = None
        self.given_up = False
        self.state: Any = None
        self.room = 0
        self.since: list[int] = []
        self.seconds = 0.0
        self._last: Any = None
        self._wait = 0

    def excess(self, state: RuledText, token: int, after: RuledText, room: int, may_go_back: bool) -> int:
        """How many of the last tokens, `token` included, must go for an ending to fit; 0 if one fits, or if none did before either.

        The text goes on from `state` by `token` to `after`; room: how many tokens may be generated after `state`. may_go_back: whether more
        than the last token may go; the first look is sooner where it may not. Where the result is not 0, `tokens` is the ending of the text
        without these tokens, and `state` its state.
        """
        if self.given_up:
            return 0
        if self._last is not state:  # the text begins here, or tokens were taken back
            self.tokens, self.state, self.room, self.since, self._wait = None, state, room, [], room // (2 if may_go_back else 8)
        self.since.append(token)
        self._last = after
        if len(self.since) <= self._wait:
            return 0
        ending = self._ending_after(self.since, after, room - 1)
        if ending is not None:
            self._keep(ending, after, room - 1, [])
            return 0
        if self.tokens is None:
            self.tokens = self._searched(self.state, self.room)
            self.given_up = self.tokens is None
            if self.given_up:
                return 0
        while self.since:
            after = self.state.advance(self.since[0])
            ending = self._ending_after(self.since[:1], after, self.room - 1)
            if ending is None:
                break
            self._keep(ending, after, self.room - 1, self.since[1:])
        return len(self.since)

    def _keep(self, ending: list[int], state: Any, room: int, since: list[int]) -> None:
        self.tokens, self.state, self.room, self.since = ending, state, room, since
        self._wait = (room - len(ending)) // 16

    def _ending_after(self, written: list[int], after: RuledText, room: int) -> list[int] | None:
        """An ending after these tokens, at most `room` long: none where the text may end, else the rest of the known one if that may
        follow, else one that is searched."""
        if after.accepting:
            return []
        known = self.tokens or []
        if known and known[: len(written)] == written:
            return known[len(written) :]
        for num in range(min(_MAX_SUFFIXES, len(known))):
            if len(known) - num <= room and follows(after, known[num:]):
                return known[num:]
        return self._searched(after, room)

    def _searched(self, state: RuledText, room: int) -> list[int] | None:
        if self.seconds > TEXT_SECONDS:
            return None
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


def is_closed(state: RuledText) -> bool:
    """Whether the text may end here, and nothing but white space may follow."""
    texts, stops = state.vocabulary.tokens, state.vocabulary.stop_tokens
    return state.accepting and not any((texts[token] or b"").strip() for token in state.allowed().ids.tolist() if token not in stops)


def closing_tokens() -> Choices:
    """Tokens to try, for one search: first those after which the text may end, then those that lead to token sets that the search has not
    seen, then the others; brackets and punctuation before digits, digits before letters."""
    seen: set[TokenSet] = set()

    def choices(state: RuledText) -> Iterator[int]:
        allowed = state.allowed()
        seen.add(allowed)
        short = [token for token in state.vocabulary.derive(_single_bytes) if token in allowed]
        news: list[int] = []
        known: list[int] = []
        for token in short[:_MAX_TRIED]:
            after = state.advance(token)
            if after.accepting:
                yield token
            else:
                (known if after.allowed() in seen else news).append(token)
                seen.add(after.allowed())
        yield from (*news, *known, *short[_MAX_TRIED:])
        if not short:
            stops = state.vocabulary.stop_tokens
            yield from (token for token in allowed.ids[:_MAX_TRIED].tolist() if token not in stops)

    return choices


def _single_bytes(vocabulary: Any) -> list[int]:
    """A token for each byte that has one, in the order in which they are tried."""
    order = {byte: place for place, byte in enumerate(b"\")]}>'`;.,:!? \n\t0123456789abcdefghijklmnopqrstuvwxyz")}
    found: dict[int, int] = {}
    for token, data in enumerate(vocabulary.tokens):
        if data is not None and len(data) == 1 and token not in vocabulary.stop_tokens:
            found.setdefault(data[0], token)
    return [found[byte] for byte in sorted(found, key=lambda byte: (order.get(byte, 256), byte))]


def _retokenized(state: RuledText, tokens: list[int]) -> list[int]:
    """The tokenizer's tokens of the same text, where they are fewer and allowed."""
    try:
        other = state.vocabulary.encode(state.vocabulary.text(tokens))
    except UserError:
        return tokens
    return other if len(other) < len(tokens) and follows(state, other) else tokens
