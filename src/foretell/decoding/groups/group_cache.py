"""The cache of a group of models: a text, the routing state after each of its tokens, and one cache a member, which may lag."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from foretell.models import reading
from foretell.models.base import Cache, Feed, Model


class GroupCache(Cache):
    """tokens, states: of the committed rows; a state is None before the routing begins. pending_tokens, pending_states: of the tree.
    members: one `MemberReader` a member."""

    def __init__(self, caches: Sequence[Cache]) -> None:
        super().__init__()
        self.tokens: list[int] = []
        self.states: list[Any] = []
        self.pending_tokens: list[int] = []
        self.pending_states: list[Any] = []
        self.members = [MemberReader(cache) for cache in caches]

    def text(self, row: int) -> list[int]:
        """All tokens of the path that ends with the pending row `row`."""
        return self.tokens + [self.pending_tokens[up] for up in self.ancestors(row)]

    def state_before(self, row: int) -> Any:
        """The routing state that the pending row `row` is decided in; None where the routing has not begun."""
        parent = self.pending[row]
        if parent >= 0:
            return self.pending_states[parent]
        return self.states[-1] if self.states else None

    def _keep(self, path: list[int]) -> None:
        for member in self.members:
            member.keep(path)
        self.tokens += [self.pending_tokens[row] for row in path]
        self.states += [self.pending_states[row] for row in path]
        self.pending_tokens.clear()
        self.pending_states.clear()

    def _truncate(self, length: int) -> None:
        for member in self.members:
            member.cache.truncate(min(length, member.cache.length))
        del self.tokens[length:], self.states[length:]

    def _reuse(self) -> None:
        self.states = [None] * len(self.states)  # the routing begins with the last token of the new prompt

    def _fork(self) -> GroupCache:
        twin = GroupCache([member.cache.fork() for member in self.members])
        twin.tokens += self.tokens
        twin.states += self.states
        return twin


class MemberReader:
    """How far a member has read. cache: its own. num_lag: committed tokens of the text that are pending in it. rows: its pending
    row of each of the group's pending rows that it has read."""

    def __init__(self, cache: Cache) -> None:
        self.cache = cache
        self.num_lag = 0
        self.rows: dict[int, int] = {}

    def keep(self, path: Sequence[int]) -> None:
        """Commit what was read of the text and of `path`; the rest of the path becomes lag."""
        kept = list(range(self.num_lag))
        for row in path:
            if row not in self.rows:
                break
            kept.append(self.rows[row])
        if self.cache.pending:
            self.cache.keep(kept)
        self.num_lag = 0
        self.rows.clear()

    def lag(self, cache: GroupCache) -> list[int]:
        """Committed tokens of the text that it has yet to read."""
        return cache.tokens[self.cache.length + self.num_lag :]

    def feed(self, cache: GroupCache, rows: Sequence[int], wanted: Sequence[int]) -> tuple[Feed, list[int]]:
        """What it must read for the logits of the pending rows `wanted`, which are among `rows`: its lag, `rows` and their
        ancestors. Returns the feed, and the pending rows whose logits it gives."""
        lag = self.lag(cache)
        new = sorted({up for row in rows for up in cache.ancestors(row)} - self.rows.keys())
        start = self.num_lag
        tokens, parents = list(lag), list(range(start - 1, start + len(lag) - 1))
        root, first = start + len(lag) - 1, len(self.cache.pending) + len(lag)
        place = {row: first + i for i, row in enumerate(new)}
        for row in new:
            parent = cache.pending[row]
            tokens.append(cache.pending_tokens[row])
            parents.append(root if parent < 0 else place[parent] if parent in place else self.rows[parent])
        num_logits = len(new) - min(new.index(row) for row in wanted)
        return Feed(self.cache, tokens, parents, num_logits=num_logits), new

    def note(self, new: Sequence[int], num_lag: int) -> None:
        """Remember a feed that was computed."""
        first = len(self.cache.pending) - len(new)
        self.rows.update({row: first + i for i, row in enumerate(new)})
        self.num_lag += num_lag


def catch_up(model: Model, readers: Sequence[MemberReader], caches: Sequence[GroupCache]) -> list[int]:
    """Read long lags piece by piece, all sequences together, until what is left of each fits one pass; returns the rows computed
    for each sequence."""
    work = [0] * len(readers)
    behind = [i for i, reader in enumerate(readers) if not reader.cache.pending]  # one with pending rows has read the text
    texts = [(readers[i].cache, caches[i].tokens) for i in behind]
    for i, num in zip(behind, reading.catch_up(model, texts), strict=True):
        work[i] = num
    return work
