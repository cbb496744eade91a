"""The cache of a group of models: a text, the routing state after each token, and one cache per member, which may lag behind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from foretell.models import reading
from foretell.models.base import Cache, Feed, Model


class GroupCache(Cache):
    """The cache of a `ModelGroup`. tokens, states: token ids and routing states of the committed rows; a state is None before the routing
    begins. pending_tokens, pending_states: of the pending rows. members: one `MemberReader` per member."""

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
        """The routing state before the pending row `row`; None where the routing has not begun."""
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
        fork = GroupCache([member.cache.fork() for member in self.members])
        fork.tokens += self.tokens
        fork.states += self.states
        return fork


class MemberReader:
    """What a member has read of a text. cache: the member's cache. num_lag: number of committed tokens of the text that are pending in it.
    rows: by pending row of the group, the member's pending row, for the rows that it has read."""

    def __init__(self, cache: Cache) -> None:
        self.cache = cache
        self.num_lag = 0
        self.rows: dict[int, int] = {}

    def keep(self, path: Sequence[int]) -> None:
        """Commit the rows read of the text and of `path`. The member reads the rest of the path later."""
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
        """Committed tokens of the text that the member has not read."""
        return cache.tokens[self.cache.length + self.num_lag :]

    def feed(self, cache: GroupCache, rows: Sequence[int], wanted: Sequence[int]) -> tuple[Feed, list[int]]:
        """The feed that the member must read for the logits of the pending rows `wanted`, which are among `rows`: unread text, `rows` and
        their ancestors. Returns the feed and the pending rows in it."""
        lag = self.lag(cache)
        new = sorted({up for row in rows for up in cache.ancestors(row)} - self.rows.keys())
        start = self.num_lag
        tokens, parents = list(lag), list(range(start - 1, start + len(lag) - 1))
        root, first = start + len(lag) - 1, len(self.cache.pending) + len(lag)
        new_rows = {row: first + i for i, row in enumerate(new)}
        for row in new:
            parent = cache.pending[row]
            tokens.append(cache.pending_tokens[row])
            parents.append(root if parent < 0 else new_rows[parent] if parent in new_rows else self.rows[parent])
        num_logits = len(new) - min(new.index(row) for row in wanted)
        return Feed(self.cache, tokens, parents, num_logits=num_logits), new

    def note(self, new: Sequence[int], num_lag: int) -> None:
        """Record a feed that was computed: its pending rows `new`, and the number of text tokens before them."""
        first = len(self.cache.pending) - len(new)
        self.rows.update({row: first + i for i, row in enumerate(new)})
        self.num_lag += num_lag


def catch_up(model: Model, readers: Sequence[MemberReader], caches: Sequence[GroupCache]) -> list[int]:
    """Read long unread texts in pieces, all sequences together, until the rest of each fits one pass. Returns the number of rows computed
    for each sequence."""
    work = [0] * len(readers)
    behind = [i for i, reader in enumerate(readers) if not reader.cache.pending]  # a reader with pending rows has read the text
    texts = [(readers[i].cache, caches[i].tokens) for i in behind]
    for i, num in zip(behind, reading.catch_up(model, texts), strict=True):
        work[i] = num
    return work
