"""A ragged batch laid flat: what an engine needs to know about each row, as plain arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from foretell.models.feed import CAUSAL, Feed
from foretell.models.slots import SlotCache


@dataclass
class Plan:
    """N rows of S sequences, in the order of the feeds.

    tokens (N,) int64. states (M, width) float: embeddings or hidden states that were fed, for the rows `state_rows` (M,) int64, in
    whose places `tokens` holds 0; both None where none were fed.
    positions (N,) int64; slots (N,) int64: where the row's key and value go.
    A row attends, in this order, to `prefix[prefix_start[s] : prefix_start[s+1]]` with s = `sequence[row]`, then to
    `tail[tail_start[row] : tail_start[row+1]]`: all slot numbers, in text order. So the j-th slot of that list is row j of the
    text. It ends with the row's own slot, but for rows that see later rows of their feed.
    logit_rows (M,) int64: the rows whose logits are wanted. bounds (S+1,): rows of each feed; logit_bounds likewise.
    """

    tokens: np.ndarray
    states: Tensor | None
    state_rows: np.ndarray | None
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
    tokens: list[int] = []
    positions: list[int] = []
    slots: list[int] = []
    sequence: list[int] = []
    prefix: list[int] = []
    prefix_start, tail_start, bounds, logit_bounds = [0], [0], [0], [0]
    tail: list[int] = []
    logit_rows: list[int] = []
    states: list[Tensor] = []
    state_rows: list[int] = []
    for number, feed in enumerate(feeds):
        cache = feed.cache
        assert isinstance(cache, SlotCache)
        cache.claim_pending()
        num, parents, owned = len(feed), cache.pending, cache.pending_slots
        rows: Sequence[int] = range(len(parents) - num, len(parents)) if feed.rows is None else feed.rows
        if feed.embeddings is None:
            tokens += feed.tokens
        else:
            states.append(feed.embeddings)
            state_rows += [len(tokens) + place for place in feed.places_fed]
            tokens += feed.ids
        sequence += [number] * num
        prefix += cache.slots
        prefix_start.append(len(prefix))
        paths: dict[int, list[int]] = {-1: []}
        length, depths = cache.length, cache.depths
        if feed.attention is not CAUSAL:
            block, rows = rows[: feed.num_block], rows[feed.num_block :]
            seen = [owned[up] for up in cache.ancestors(block[-1])] if block else []  # a chain: all others are above the last
            for row in block:
                tail += seen
                tail_start.append(len(tail))
                positions.append(length + depths[row])
                slots.append(owned[row])
        for row in rows:
            parent = parents[row]
            if parent not in paths:
                paths[parent] = [owned[up] for up in cache.ancestors(parent)]
            paths[row] = path = [*paths[parent], owned[row]]
            tail += path
            tail_start.append(len(tail))
            positions.append(length + depths[row])
            slots.append(owned[row])
        if feed.positions is not None:
            positions[bounds[-1] :] = feed.positions
        bounds.append(len(positions))
        wanted = num if feed.num_logits is None else min(feed.num_logits, num)
        logit_rows += range(bounds[-1] - wanted, bounds[-1])
        logit_bounds.append(len(logit_rows))

    def array(values: list[int]) -> np.ndarray:
        return np.asarray(values, dtype=np.int64)

    return Plan(
        array(tokens), _join(states) if states else None, array(state_rows) if states else None, array(positions), array(slots),
        array(sequence), array(prefix), array(prefix_start), array(tail), array(tail_start), array(logit_rows), bounds, logit_bounds,
    )  # fmt: skip


def _join(states: list[Tensor]) -> Tensor:
    return states[0] if len(states) == 1 else torch.cat(states)
