"""The native model of the Llama family: caches are lists of slots, a batch is one flat plan, an engine does the arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from foretell.errors import UserError
from foretell.locks import ForkSafeLock
from foretell.models.architecture import Architecture
from foretell.models.base import POST_NORM, Attention, Context, Feed, Model, Rows
from foretell.models.plan import Plan, lay_flat
from foretell.models.slots import SlotCache, SlotStore


class Engine(Protocol):
    """Runs layers start+1..stop of a plan. Knows arrays only: no caches, no requests.

    `store` (layers, capacity, 2, kv_heads, head_dim) holds keys and values and is written in place. Returns logits
    (len(plan.logit_rows), vocab_size) float32 and one tensor (len(plan), width) per key of `hidden`.
    """

    architecture: Architecture
    dtype: torch.dtype
    device: torch.device
    tolerance: float
    name: str

    def run(
        self, plan: Plan, store: Tensor, hidden: tuple[int | str, ...], start: int, stop: int
    ) -> tuple[Tensor, dict[int | str, Tensor]]:
        """Run layers start+1..stop of `plan`; returns logits and hidden states, see the class."""

    def embed(self, tokens: np.ndarray) -> Tensor:
        """The rows of the embedding table at `tokens` (n,) int64, (n, width): what `Plan.states` holds for layer 1."""

    def norm(self, states: Tensor) -> Tensor:
        """The final norm of states (n, width), n > 0, on any device and of any float type."""

    def head(self, states: Tensor, tokens: np.ndarray | None) -> Tensor:
        """Logits (n, vocab_size) float32 of normalised states (n, width), n > 0, or their columns `tokens` (m,) int64, m > 0."""


class NativeModel(Model):
    """`Model` over an `Engine`. One forward runs at a time; several requests share a model by being in one batch.

    Feeds whose rows see later ones are for architectures without sliding windows, whose kernels list the rows before a row.
    """

    has_positions = True

    def __init__(self, engine: Engine, fingerprint: str, tokenizer=None) -> None:
        arch = engine.architecture
        self.engine = engine
        self.vocab_size, self.num_layers, self.width = arch.vocab_size, arch.num_layers, arch.hidden_size
        self.max_length, self.tolerance, self.device = arch.max_length, engine.tolerance, engine.device
        self.fingerprint, self.tokenizer = fingerprint, tokenizer
        self.num_parameters = arch.num_parameters
        self.num_threads = getattr(engine, "num_threads", None)
        self.attentions = frozenset({Attention.CAUSAL} if any(arch.windows) else Attention)
        self.store = SlotStore(arch.num_layers, arch.num_kv_heads, arch.head_dim, engine.dtype, engine.device)
        self._lock = ForkSafeLock()

    def _new_cache(self, context: Context) -> SlotCache:
        return SlotCache(self.store)

    def _embed(self, tokens: Sequence[int], position: int) -> Tensor:
        return self.engine.embed(np.asarray(tokens, dtype=np.int64))

    def _norm(self, states: Tensor) -> Tensor:
        return self.engine.norm(states)

    def _head(self, states: Tensor, tokens: np.ndarray | None) -> Tensor:
        return self.engine.head(states, tokens)

    def _forward(self, feeds: Sequence[Feed], hidden: tuple[int | str, ...], start: int, stop: int) -> list[Rows]:
        for feed in feeds:
            if getattr(feed.cache, "store", None) is not self.store:
                raise UserError(f"forward: cache={feed.cache!r} was not made by this model's new_cache()")
        with self._lock:
            plan = lay_flat(feeds)
            logits, states = self.engine.run(plan, self.store.data, hidden, start, stop)
        results = []
        for i in range(len(feeds)):
            rows = slice(plan.bounds[i], plan.bounds[i + 1])
            results.append(Rows(logits[plan.logit_bounds[i] : plan.logit_bounds[i + 1]], {key: states[key][rows] for key in hidden}))
        return results


__all__ = ["POST_NORM", "Engine", "NativeModel"]
