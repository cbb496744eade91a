"""A ragged batch laid flat: what an engine needs to know about each row, as plain arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from foretell.models.base import Feed
from foretell.models.slots import SlotCache


@dataclass
class Plan:
    """N rows of S sequences, in the order of the feeds.

    tokens (N,) int64, or `states` (N, width) float where embeddings or hidden states were fed.
    positions (N,) int64; slots (N,) int64: where the row's key and value go.
    A row attends, in this order, to `prefix[prefix_start[s] : prefix_start[s+1]]` with s = `sequence[row]`, then to
    `tail[tail_start[row] : tail_start[row+1]]`, which ends with the row's own slot: all slot numbers, in text order. So the
    j-th slot of that list is position j of the row's text.
    logit_rows (M,) int64: the rows whose logits are wanted. bounds (S+1,): rows of each feed; logit_bounds likewise.
    """

    tokens: np.ndarray
    states: Tensor | None
    positions: np.ndarray
    slots: np.ndarray
    sequence: np.ndarray
    prefix: np.ndarray
    prefix_start: np.ndarray
    tail: np.ndarray
    tail_start: np.ndarray
    logit_rows: np.ndarray
    bounds: list[int]
    logit_bounds: list[int]

    def __len__(self) -> int:
        return len(self.positions)


def lay_flat(feeds: Sequence[Feed]) -> Plan:
    """The plan of `feeds`, whose rows are pending in their caches already; claims slots for them."""
    import torch

    tokens: list[int] = []
    positions: list[int] = []
    slots: list[int] = []
    sequence: list[int] = []
    prefix: list[int] = []
    prefix_start, tail_start, bounds, logit_bounds = [0], [0], [0], [0]
    tail: list[int] = []
    logit_rows: list[int] = []
    for number, feed in enumerate(feeds):
        cache = feed.cache
        assert isinstance(cache, SlotCache)
        cache.claim_pending()
        rows = range(len(cache.pending) - len(feed), len(cache.pending)) if feed.rows is None else feed.rows
        tokens += list(feed.tokens) if feed.embeddings is None else [0] * len(feed)
        prefix += cache.slots
        prefix_start.append(len(prefix))
        paths: dict[int, list[int]] = {-1: []}
        for row in rows:
            parent = cache.pending[row]
            if parent not in paths:
                paths[parent] = [cache.pending_slots[up] for up in cache.ancestors(parent)]
            paths[row] = path = [*paths[parent], cache.pending_slots[row]]
            tail += path
            tail_start.append(len(tail))
            positions.append(cache.length + cache.depths[row])
            slots.append(cache.pending_slots[row])
            sequence.append(number)
        wanted = len(feed) if feed.num_logits is None else min(feed.num_logits, len(feed))
        bounds.append(len(positions))
        logit_rows += range(bounds[-1] - wanted, bounds[-1])
        logit_bounds.append(len(logit_rows))
    fed = [feed.embeddings is not None for feed in feeds]
    if any(fed) and not all(fed):
        raise ValueError("forward: either all feeds of a batch carry embeddings or none")
    states = torch.cat([feed.embeddings for feed in feeds if feed.embeddings is not None]) if all(fed) and fed else None

    def array(values: list[int]) -> np.ndarray:
        return np.asarray(values, dtype=np.int64)

    return Plan(
        array(tokens), states, array(positions), array(slots), array(sequence), array(prefix), array(prefix_start), array(tail),
        array(tail_start), array(logit_rows), bounds, logit_bounds,
    )  # fmt: skip
