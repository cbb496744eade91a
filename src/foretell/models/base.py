"""The contract of everything that computes: `Model.forward` over a ragged batch of token trees, and `Cache`.

A cache is *committed rows* (the text so far) plus *pending rows* (a tree of drafted tokens hanging on its end). `forward`
appends pending rows; `keep(path)` commits one root path of them and drops the rest. A chain is a tree of width one, and a
prompt is a chain whose rows are all kept. This file knows nothing about decoding.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from foretell.errors import UserError
from foretell.locks import ForkSafeLock
from foretell.parts import EXACT_MODEL, Guarantee
from foretell.pool import Pool

#: Key of `Feed.hidden` for the state after the final norm (what the output head reads). Integers are pre-norm: 0 is the
#: embedding, i the residual stream after layer i.
POST_NORM = "post_norm"


class ContextOverflowError(UserError):
    """More positions were asked for than the model was made for."""


class Cache(ABC):
    """Keys and values of one sequence.

    `length` counts committed rows; `pending` lists the parent of each pending row (-1: hangs on the committed end) and
    `depths` its distance from that end (0 for the first). The position of a pending row is `length + depth`.
    `prompt_length`, set by the loop before the first row: how many first tokens were given and not generated, for models
    whose rows depend on it (groups, whose members take turns from there on).
    Subclasses say how rows are stored, in the methods with an underscore.
    """

    def __init__(self) -> None:
        self.length = 0
        self.prompt_length = 0
        self.pending: list[int] = []
        self.depths: list[int] = []

    def keep(self, path: Sequence[int]) -> None:
        """Commit the pending rows `path` (a path from the root, parents first) and drop all others."""
        parent = -1
        for row in path:
            if not 0 <= row < len(self.pending) or self.pending[row] != parent:
                raise UserError(f"keep: path={list(path)!r} is not a root path of the {len(self.pending)} pending rows")
            parent = row
        self._keep(list(path))
        self.length += len(path)
        self.pending, self.depths = [], []

    def reopen(self, num: int) -> None:
        """Make the last `num` committed rows pending again, as a chain: rows that passed only some layers can then be completed.

        There must be no pending rows. ValueError where this cache cannot.
        """
        if self.pending or not 0 <= num <= self.length:
            raise UserError(f"reopen: num={num!r} must lie between 0 and the {self.length} committed rows, with none pending")
        self._reopen(num)
        self.length -= num
        self.append(range(-1, num - 1))

    def truncate(self, length: int) -> None:
        """Forget pending rows and all committed rows from `length` on."""
        if not 0 <= length <= self.length:
            raise UserError(f"truncate: length={length!r} must lie between 0 and the {self.length} committed rows")
        self._keep([])
        self._truncate(length)
        self.length, self.pending, self.depths = length, [], []

    def fork(self) -> Cache:
        """An independent cache with the same committed rows (pending rows stay behind)."""
        twin = self._fork()
        twin.length, twin.prompt_length = self.length, self.prompt_length
        return twin

    def append(self, parents: Sequence[int]) -> None:
        """Note new pending rows; called by `Model.forward`. Each parent is -1 or an earlier pending row."""
        for parent in parents:
            if not -1 <= parent < len(self.pending):
                raise UserError(f"parent={parent!r} of pending row {len(self.pending)} must be -1 or an earlier pending row")
            self.pending.append(parent)
            self.depths.append(self.depths[parent] + 1 if parent >= 0 else 0)

    def ancestors(self, row: int) -> list[int]:
        """Pending rows from the root down to `row`, itself included."""
        path = []
        while row >= 0:
            path.append(row)
            row = self.pending[row]
        return path[::-1]

    @abstractmethod
    def _keep(self, path: list[int]) -> None: ...

    @abstractmethod
    def _truncate(self, length: int) -> None: ...

    @abstractmethod
    def _fork(self) -> Cache: ...

    def _reopen(self, num: int) -> None:
        raise UserError(f"{type(self).__name__} cannot reopen rows; take a model that keeps keys and values by row")


@dataclass
class Feed:
    """One sequence's part of a batch: new rows for its cache.

    tokens: token ids (n,); or `embeddings` (n, width) instead. With `start > 0`, `embeddings` are hidden states after layer
    `start` and `rows` names the pending rows they belong to, which passed the earlier layers before (resume of an early exit).
    parents: per new row -1 (the committed end) or a pending row, counted over all pending rows; None is a chain that
    continues the last pending row.
    num_logits: logits are computed for the last so many rows of this feed (None: all).
    """

    cache: Cache
    tokens: Sequence[int] = ()
    parents: Sequence[int] | None = None
    embeddings: Tensor | None = None
    rows: Sequence[int] | None = None
    num_logits: int | None = None

    def __len__(self) -> int:
        return len(self.tokens) if self.embeddings is None else len(self.embeddings)


@dataclass
class Rows:
    """What `forward` returns for one feed: `logits` (k, vocab_size) float32, and the hidden states asked for, (n, width).

    Of a group of models also: `speakers`, the member that each row of `logits` is from, and `work`, how many rows each
    member computed, catching up included.
    """

    logits: Tensor
    hidden: dict[int | str, Tensor] = field(default_factory=dict)
    speakers: Sequence[int] = ()
    work: Sequence[int] = ()


class Model(ABC):
    """Computes rows. Rows of one sequence never depend on the other sequences of the batch.

    vocab_size: width of the logits (may exceed the tokenizer's length). num_layers, width: as in the configuration.
    max_length: most positions of one sequence. tolerance: two logits of one row closer than this may swap when the batch
    shape changes (0: rows are bit-identical whatever the batch). fingerprint: says weights, dtype and backend, for caches
    of measurements. tokenizer: a `foretell.models.text.Text`, or None. distribution: what the rows promise; not exact where they are
    not those of the one model that was named. suppressed: tokens that are never generated, whose logits are made -inf
    (placeholders that a network knows and no text may hold). num_parameters: weights, shared ones once; 0 where there are none.
    spelling: what each token writes, of models that have no tokenizer to say it (None: nothing does).
    """

    vocab_size: int
    num_layers: int
    width: int
    max_length: int
    tolerance: float
    fingerprint: str
    tokenizer: Any = None
    device = torch.device("cpu")
    guarantee: Guarantee = EXACT_MODEL
    num_parameters: int = 0
    suppressed: tuple[int, ...] = ()
    spelling: Sequence[bytes | None] | None = None

    @abstractmethod
    def new_cache(self) -> Cache:
        """An empty cache for one sequence."""

    @cached_property
    def lock(self) -> ForkSafeLock:
        """Held, with `with`, by whoever decodes with this model: `Scheduler` for each step, searches for their whole run. Several threads
        may then use one model; a child process made by `os.fork` finds it free."""
        return ForkSafeLock()

    @cached_property
    def pool(self) -> Pool[Hashable, Any]:
        """What is kept with this model and may be made again: sessions, search memories, vocabularies. Of 32 values at most, the one that
        was used least recently goes first."""
        return Pool(32)

    def forward(
        self,
        feeds: Sequence[Feed],
        *,
        hidden: Sequence[int | str] = (),
        start: int = 0,
        stop: int | None = None,
    ) -> list[Rows]:
        """Append each feed's rows to its cache as pending and return their logits and hidden states.

        start, stop: run layers start+1..stop only. With `stop`, logits are those of an early exit (final norm and head on
        the state after layer `stop`); rows stopped early are completed by a later call with `start`.
        """
        stop = self.num_layers if stop is None else stop
        if not 0 <= start <= stop <= self.num_layers:
            raise UserError(f"forward: start={start}, stop={stop} must satisfy 0 <= start <= stop <= {self.num_layers} layers")
        for key in hidden:
            if key != POST_NORM and not (isinstance(key, int) and start <= key <= stop):
                raise UserError(f"forward: hidden={key!r} must be {POST_NORM!r} or a layer between {start} and {stop}")
        if len({id(feed.cache) for feed in feeds}) < len(feeds):
            raise UserError("forward: two feeds of one batch share a cache; give one feed with all rows, or fork the cache")
        before = [len(feed.cache.pending) for feed in feeds]
        try:
            for feed in feeds:
                self._check(feed, start)
            results = self._forward(feeds, tuple(hidden), start, stop)
        except BaseException:  # no cache may list rows that were never computed
            for feed, num in zip(feeds, before):
                del feed.cache.pending[num:], feed.cache.depths[num:]
            raise
        if self.suppressed:
            forbidden = list(self.suppressed)
            for rows in results:
                rows.logits = rows.logits.index_fill(-1, torch.tensor(forbidden, device=rows.logits.device), -torch.inf)
        return results

    def embed(self, tokens: Sequence[int], position: int = 0) -> Tensor:
        """What the first layer reads for `tokens` at `position`, (n, width): what `Feed.embeddings` takes in their place.

        Whatever a family does between its table and its first layer (Gemma's scaling, GPT-2's learned positions) is done
        already, so a mixture of rows whose weights sum to 1 is what that layer would read of a mixed token. Raises ValueError
        where the model has no such input.
        """
        self._check_tokens("embed", tokens)
        if not 0 <= position < self.max_length:
            raise ContextOverflowError(f"embed: position={position!r} must lie between 0 and {self.max_length - 1}")
        return self._embed(tokens, position)

    def _embed(self, tokens: Sequence[int], position: int) -> Tensor:
        raise UserError(f"{type(self).__name__} takes no input embeddings; methods that mix tokens need a model that does")

    def _check_tokens(self, owner: str, tokens: Sequence[int]) -> None:
        for token in tokens:
            if not 0 <= token < self.vocab_size:
                raise UserError(f"{owner}: token={token!r} is outside the vocabulary of {self.vocab_size}")

    def _check(self, feed: Feed, start: int) -> None:
        if (start > 0) != (feed.rows is not None):
            raise UserError("forward: a feed names `rows` when, and only when, start > 0")
        if feed.rows is not None:
            if feed.embeddings is None or len(feed.rows) != len(feed.embeddings):
                raise UserError("forward: start > 0 needs `embeddings` with one state per entry of `rows`")
            return
        first = len(feed.cache.pending)
        parents = feed.parents if feed.parents is not None else range(first - 1, first - 1 + len(feed))
        if len(parents) != len(feed):
            raise UserError(f"forward: {len(parents)} parents for {len(feed)} rows")
        self._check_tokens("forward", feed.tokens)
        feed.cache.append(parents)
        positions = feed.cache.length + max(feed.cache.depths[first:], default=-1) + 1
        if positions > self.max_length:
            raise ContextOverflowError(
                f"{positions} positions asked for, but the model was made for {self.max_length}; shorten the prompt or lower max_new_tokens"
            )

    @abstractmethod
    def _forward(self, feeds: Sequence[Feed], hidden: tuple[int | str, ...], start: int, stop: int) -> list[Rows]: ...
