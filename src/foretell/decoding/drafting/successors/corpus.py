"""An initial table from the counts of a tokenised corpus."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from foretell.decoding.drafting.successors.table import SuccessorTable

_ROOM = 8  # successors that are counted per successor that is kept


def corpus_table(
    texts: Iterable[Sequence[int]],
    vocab_size: int,
    orders: Sequence[int] = (2,),
    width: int = 12,
    *,
    step: float = 0.04,
    cap: float = 3.0,
    capacity: int = 200_000,
) -> SuccessorTable:
    """A table of the rule "add" whose weights are P(successor | context) in `texts`, for the `width` most probable successors.

    >>> table = corpus_table([[1, 2, 3], [1, 2, 3], [1, 2, 4]], vocab_size=9)
    >>> table.successors([1, 2])[0], round(table.successors([1, 2])[1][0], 4)
    ([3, 4], 0.6667)
    """
    counts = SuccessorTable(vocab_size, orders, _ROOM * width, "count", capacity=capacity)
    for text in texts:
        counts.learn_text(text)
    table = SuccessorTable(vocab_size, orders, width, "add", step=step, cap=cap, capacity=capacity)
    table.reserve(len(counts))
    old, new = counts.store, table.store
    num = vocab_size if table.dense else len(counts)
    new.tokens[:num] = old.tokens[:num, :width]
    new.weights[:num] = np.minimum(old.weights[:num, :width] / np.maximum(old.totals[:num, None], 1), cap)
    new.totals[:num] = new.weights[:num].sum(-1)
    new.counts[:num] = old.counts[:num]
    if not table.dense:
        for name in ("context", "newer", "older"):
            getattr(new, name)[:num] = getattr(old, name)[:num]
        new.meta[:4] = old.meta[:4]  # rows, newest, oldest, evicted; the flags stay
        table.rehash()
    return table
