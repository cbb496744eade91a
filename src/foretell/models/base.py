"""The contract of everything that computes: `Model.forward` over a ragged batch of feeds, and what comes back.

`Model` says what computes, `Cache` (`cache.py`) what it keeps of one sequence, `Feed` (`feed.py`) one sequence's new rows. A row is a
position of a text: it depends on the tokens and embeddings that its feed lets it see, on the cache's `Context`, and on nothing else.
A new model implements `_new_cache` and `_forward`, declares what feeds it takes (`attentions`, `has_positions`, `memory_width`), and,
where it has them, `_embed`, `_norm` and `_head`; `foretell.testing.model_contracts` checks it. Nothing here knows about decoding.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from foretell.errors import UserError
from foretell.locks import ForkSafeLock
from foretell.models.cache import NO_CONTEXT, Cache, Context
from foretell.models.feed import CAUSAL, Attention, ContextOverflowError, Feed, check_feed
from foretell.models.origin import Origin
from foretell.parts import EXACT_MODEL, Guarantee
from foretell.pool import Pool

#: Key of `Feed.hidden` for the state after the final norm (what the output head reads). Integers are pre-norm: 0 is the
#: embedding, i the residual stream after layer i.
POST_NORM = "post_norm"


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
    of measurements. tokenizer: a `foretell.models.text.Text`, or None. guarantee: what the rows promise; not exact where they are
    not those of the one model that was named. suppressed: tokens that are never generated, whose logits are made -inf
    (placeholders that a network knows and no text may hold). num_parameters: weights, shared ones once; 0 where there are none.
    source: the folder or GGUF file that the weights were read from, None where they were not.
    spelling: what each token writes, of models that have no tokenizer to say it (None: nothing does).
    attentions: the kinds that a feed may ask for. has_positions: whether a feed may name the positions of its rows.
    memory_width: columns of the memory that the rows read (0: the model takes none).
    origin: what it was loaded from, None for one that was built in memory.

    A model never changes, so a copy of it is the model itself. A pickle holds the origin only, and is loaded again, once in a process.
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
    source: Path | None = None
    spelling: Sequence[bytes | None] | None = None
    attentions: frozenset[Attention] = frozenset({Attention.CAUSAL})
    has_positions: bool = False
    memory_width: int = 0
    origin: Origin | None = None

    @property
    def name(self) -> str:
        """What people call it: an id of the hub, the name of a file or folder, else of its class."""
        if self.origin is not None and self.origin.name is not None and not Path(self.origin.name).is_absolute():
            return self.origin.name
        return type(self).__name__ if self.source is None else self.source.name

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r} on {self.device}>"

    def __copy__(self) -> Model:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Model:
        return self

    def __reduce__(self) -> Any:
        if self.origin is None:
            raise TypeError(
                f"this {type(self).__name__} cannot be pickled, since it was built in memory and its weights would have to go along; "
                "save it to a folder and take foretell.load of that, or make it where it is needed"
            )
        return self.origin.again, (self.origin, self.fingerprint)

    def new_cache(self, context: Context = NO_CONTEXT) -> Cache:
        """An empty cache for one sequence with this context. UserError for a memory that the model does not take."""
        if context.memory is not None and context.memory.shape[1] != self.memory_width:
            takes = f"reads a memory of {self.memory_width} columns" if self.memory_width else "takes no memory; leave it out"
            raise UserError(f"new_cache: memory of shape {tuple(context.memory.shape)}, but this {type(self).__name__} {takes}")
        cache = self._new_cache(context)
        cache.context = context
        return cache

    @property
    def lock(self) -> ForkSafeLock:
        """Held, with `with`, by whoever decodes with this model: `Scheduler` for each step, searches for their whole run. Several threads
        may then use one model; a child process made by `os.fork` finds it free."""
        lock = self.__dict__.get("_step_lock")
        return self.__dict__.setdefault("_step_lock", ForkSafeLock()) if lock is None else lock  # one, whichever thread asks first

    @property
    def pool(self) -> Pool[Hashable, Any]:
        """What is kept with this model and may be made again: sessions, search memories, vocabularies. Of 32 values at most, the one that
        was used least recently goes first."""
        pool = self.__dict__.get("_pool")
        return self.__dict__.setdefault("_pool", Pool(32)) if pool is None else pool

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
        the state after layer `stop`); rows stopped early are completed by a later call with `start`. Errors: UserError for
        feeds that contradict themselves, ask for what the model does not have, or do not fit its longest text; no cache then
        lists rows that were not computed.
        """
        stop = self.num_layers if stop is None else stop
        if not 0 <= start <= stop <= self.num_layers:
            raise UserError(f"forward: start={start}, stop={stop} must satisfy 0 <= start <= stop <= {self.num_layers} layers")
        for key in hidden:
            if key != POST_NORM and not (isinstance(key, int) and start <= key <= stop):
                raise UserError(f"forward: hidden={key!r} must be {POST_NORM!r} or a layer between {start} and {stop}")
        whole = stop == self.num_layers
        caches: list[Cache] = []
        temporary: list[Cache] = []
        for feed in feeds:
            check_feed(feed, self.width, start, whole)
            if feed.cache is None:
                temporary.append(self.new_cache())
            caches.append(temporary[-1] if feed.cache is None else feed.cache)
        if temporary:
            feeds = [replace(feed, cache=cache) for feed, cache in zip(feeds, caches)]
        if len(set(map(id, caches))) < len(caches):
            raise UserError("forward: two feeds of one batch share a cache; give one feed with all rows, or fork the cache")
        before = [(len(cache.pending), len(cache.pending_blocks), cache.placed) for cache in caches]
        try:
            for feed, cache in zip(feeds, caches):
                if feed.rows is None:
                    self._append(feed, cache)
            results = self._forward(feeds, tuple(hidden), start, stop)
        except BaseException:  # no cache may list rows that were never computed
            for cache, (num, num_blocks, placed) in zip(caches, before):
                del cache.pending[num:], cache.depths[num:], cache.pending_blocks[num_blocks:]
                cache.placed = placed
            raise
        finally:
            for cache in temporary:
                cache.truncate(0)
        if self.suppressed:
            for rows in results:
                rows.logits = self._without_suppressed(rows.logits, None)
        return results

    def embed(self, tokens: Sequence[int], position: int = 0) -> Tensor:
        """What the first layer reads for `tokens` at `position`, (n, width): what `Feed.embeddings` takes in their place.

        Whatever a family does between its table and its first layer (Gemma's scaling, GPT-2's learned positions) is done
        already, so a mixture of rows whose weights sum to 1 is what that layer would read of a mixed token. UserError
        where the model has no such input.
        """
        self._check_tokens("embed", tokens)
        if not 0 <= position < self.max_length:
            raise ContextOverflowError(f"embed: position={position!r} must lie between 0 and {self.max_length - 1}")
        return self._embed(tokens, position)

    def norm(self, states: Tensor) -> Tensor:
        """The final norm of `states` (n, width), residual streams after any layers: (n, width), what `hidden[POST_NORM]` holds.

        Needs no cache. Rows are those of `forward`: within `tolerance`, bit-identical where that is 0. UserError where the model
        does not have it, and for states of another shape.
        """
        self._check_states("norm", states)
        return self._norm(states) if len(states) else states

    def head(self, states: Tensor, tokens: Sequence[int] | None = None) -> Tensor:
        """Logits of `states` (n, width), which passed the final norm: (n, vocab_size) float32, suppressed tokens at -inf.

        tokens: ids whose columns are wanted, (n, len(tokens)); None: all. They are the columns of the whole product: within
        `tolerance`, bit-identical where that is 0. Needs no cache. The logits of an early exit are `head(norm(states))`. UserError
        where the model does not have it, for states of another shape, and for tokens outside the vocabulary.
        """
        self._check_states("head", states)
        chosen = None if tokens is None else np.asarray(tokens, dtype=np.int64).reshape(-1)
        if chosen is not None and chosen.size and not 0 <= chosen.min() <= chosen.max() < self.vocab_size:
            self._check_tokens("head", chosen.tolist())  # raises, naming one
        num = self.vocab_size if chosen is None else len(chosen)
        if not len(states) or not num:
            return torch.empty(len(states), num, device=self.device)
        return self._without_suppressed(self._head(states, chosen), chosen)

    def _without_suppressed(self, logits: Tensor, tokens: np.ndarray | None) -> Tensor:
        """`logits` (n, columns) with -inf for suppressed tokens; columns are those of `tokens`, or all."""
        if not self.suppressed:
            return logits
        columns = list(self.suppressed) if tokens is None else np.flatnonzero(np.isin(tokens, self.suppressed)).tolist()
        return logits.index_fill(-1, torch.tensor(columns, dtype=torch.int64, device=logits.device), -torch.inf)

    def _check_tokens(self, owner: str, tokens: Sequence[int]) -> None:
        if len(tokens) and not 0 <= min(tokens) <= max(tokens) < self.vocab_size:
            wrong = next(token for token in tokens if not 0 <= token < self.vocab_size)
            raise UserError(f"{owner}: token={wrong!r} is outside the vocabulary of {self.vocab_size}")

    def _check_states(self, owner: str, states: Tensor) -> None:
        if states.ndim != 2 or states.shape[1] != self.width or not states.is_floating_point():
            raise UserError(f"{owner}: states of shape {tuple(states.shape)} and {states.dtype} must be (rows, {self.width}) floats")

    def _append(self, feed: Feed, cache: Cache) -> None:
        """List the rows of `feed` as pending, and check them against what this model takes."""
        first, num = len(cache.pending), len(feed)
        parents = feed.parents if feed.parents is not None else range(first - 1, first - 1 + num)
        if len(parents) != num:
            raise UserError(f"forward: {len(parents)} parents for {num} rows")
        if cache.pending_blocks:
            cache.check_parents(parents)
        if feed.places is None:
            self._check_tokens("forward", feed.tokens)
        else:
            places = set(feed.places)
            self._check_tokens("forward", [token for row, token in enumerate(feed.tokens) if row not in places])
        cache.append(parents)
        deepest = -1 if not num else cache.depths[-1] if feed.parents is None else max(cache.depths[first:])
        longest = cache.length + deepest + 1
        if feed.attention is not CAUSAL:
            if feed.attention not in self.attentions:
                known = ", ".join(sorted(each.value for each in self.attentions))
                raise UserError(f"forward: attention={feed.attention.value!r}, but this {type(self).__name__} has {known} only")
            if feed.num_block:
                cache.pending_blocks.append((first, first + feed.num_block))
        if feed.positions is not None:
            if not self.has_positions:
                raise UserError(f"forward: this {type(self).__name__} takes no `positions`; leave them out")
            if len(feed.positions) and min(feed.positions) < 0:
                raise UserError(f"forward: positions={list(feed.positions)!r} must be 0 or above")
            longest, cache.placed = max(feed.positions, default=-1) + 1, True
        if longest > self.max_length:
            raise ContextOverflowError(
                f"{longest} positions asked for, but the model was made for {self.max_length}; shorten the prompt or lower max_new_tokens"
            )

    def _embed(self, tokens: Sequence[int], position: int) -> Tensor:
        raise UserError(f"{type(self).__name__} takes no input embeddings; methods that mix tokens need a model that does")

    def _norm(self, states: Tensor) -> Tensor:
        raise UserError(f"{type(self).__name__} has no final norm of its own; methods that read states need a single model that does")

    def _head(self, states: Tensor, tokens: np.ndarray | None) -> Tensor:
        """As `head`, of at least one row and column."""
        raise UserError(f"{type(self).__name__} has no head of its own; methods that read states need a single model that does")

    @abstractmethod
    def _new_cache(self, context: Context) -> Cache: ...

    @abstractmethod
    def _forward(self, feeds: Sequence[Feed], hidden: tuple[int | str, ...], start: int, stop: int) -> list[Rows]:
        """As `forward`, of feeds that were checked, each with a cache in which its rows are pending already."""


__all__ = ["NO_CONTEXT", "POST_NORM", "Attention", "Cache", "Context", "ContextOverflowError", "Feed", "Model", "Rows"]
