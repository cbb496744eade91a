"""The compiled part of `SuccessorTable`: a hash table of contexts with chaining, and a list of rows from newest to oldest.

Functions elsewhere that call these are cached with `source_key` in their closure, because Numba's cache on disk does not notice edits in
the files of called functions. A context is the last n tokens of an int32 array.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from foretell.models.engines.compiled import njit


class Store(NamedTuple):
    """Arrays of a table of `width` successors a row.

    context (rows, longest) int32, right-aligned, -1 before its first token; (0, longest) where a row's number is its token.
    tokens (rows, width) int32, best first, -1 where empty. weights (rows, width) float64, or (1, width) where only ranks are
    kept. totals (rows,): the sum that weights are divided by. counts (rows,): number of updates of a row. heads (2**b,), chain (rows,):
    first row of each bucket and the next row in it. newer, older (rows,): neighbours by last use. meta: see the constants below.
    """

    context: NDArray[np.int32]
    tokens: NDArray[np.int32]
    weights: NDArray[np.float64]
    totals: NDArray[np.float64]
    counts: NDArray[np.int32]
    heads: NDArray[np.int32]
    chain: NDArray[np.int32]
    newer: NDArray[np.int32]
    older: NDArray[np.int32]
    meta: NDArray[np.int64]


ROWS, NEWEST, OLDEST, EVICTED, DENSE, WEIGHTED = range(6)  # indices of `meta`
OVERWRITE, ADD, MEAN, COUNT = range(4)
NOTHING_WRONG = -(1 << 40)  # no token id


@njit(nogil=True, cache=True)
def _bucket(heads, context, n):
    mixed = np.uint64(0xCBF29CE484222325) + np.uint64(n)
    for i in range(len(context) - n, len(context)):
        mixed = (mixed ^ np.uint64(context[i])) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(29)
    return np.int64(mixed & np.uint64(len(heads) - 1))


@njit(nogil=True, cache=True)
def find(store, context, n):
    """Row of the last `n` tokens of `context`, or -1. A dense table has rows for n = 1 only."""
    if store.meta[DENSE]:
        row = np.int64(context[-1])
        return row if 0 <= row < len(store.tokens) and store.tokens[row, 0] >= 0 else np.int64(-1)
    longest = store.context.shape[1]
    row = np.int64(store.heads[_bucket(store.heads, context, n)])
    while row >= 0:
        same = True
        for i in range(longest):
            wanted = context[len(context) - longest + i] if i >= longest - n else -1
            if store.context[row, i] != wanted:
                same = False
                break
        if same:
            return row
        row = np.int64(store.chain[row])
    return np.int64(-1)


@njit(nogil=True, cache=True)
def find_longest(store, context, orders):
    """(row, order) of the first known one of `orders` (put longer ones first), or (-1, 0)."""
    for n in orders:
        if n <= len(context) and context[len(context) - n] >= 0:
            row = find(store, context, n)
            if row >= 0:
                return row, np.int64(n)
    return np.int64(-1), np.int64(0)


@njit(nogil=True, cache=True)
def _link(store, row):
    newest = store.meta[NEWEST]
    store.older[row], store.newer[row] = newest, -1
    if newest >= 0:
        store.newer[newest] = row
    else:
        store.meta[OLDEST] = row
    store.meta[NEWEST] = row


@njit(nogil=True, cache=True)
def _unlink(store, row):
    newer, older = store.newer[row], store.older[row]
    if newer >= 0:
        store.older[newer] = older
    else:
        store.meta[NEWEST] = older
    if older >= 0:
        store.newer[older] = newer
    else:
        store.meta[OLDEST] = newer


@njit(nogil=True, cache=True)
def touch(store, row):
    """Mark `row` as the most recently used one."""
    if not store.meta[DENSE] and store.meta[NEWEST] != row:
        _unlink(store, row)
        _link(store, row)


@njit(nogil=True, cache=True)
def _own_bucket(store, row):
    n = 0
    for token in store.context[row]:
        n += token >= 0
    return _bucket(store.heads, store.context[row], n)


@njit(nogil=True, cache=True)
def rehash(store):
    """Rebuild `heads` and `chain`, after rows were copied to larger arrays."""
    store.heads[:] = -1
    for row in range(store.meta[ROWS]):
        bucket = _own_bucket(store, row)
        store.chain[row] = store.heads[bucket]
        store.heads[bucket] = row


@njit(nogil=True, cache=True)
def _place(store, context, n):
    """The row of a context, created where there is none; a full table evicts the least recently used row."""
    if store.meta[DENSE]:
        return np.int64(context[-1])
    row = find(store, context, n)
    if row >= 0:
        touch(store, row)
        return row
    if store.meta[ROWS] < len(store.context):
        row = store.meta[ROWS]
        store.meta[ROWS] += 1
    else:
        row = store.meta[OLDEST]
        store.meta[EVICTED] += 1
        _unlink(store, row)
        bucket = _own_bucket(store, row)
        before = np.int64(store.heads[bucket])
        if before == row:
            store.heads[bucket] = store.chain[row]
        else:
            while store.chain[before] != row:
                before = np.int64(store.chain[before])
            store.chain[before] = store.chain[row]
    longest = store.context.shape[1]
    store.context[row] = -1
    for i in range(longest - n, longest):
        store.context[row, i] = context[len(context) - longest + i]
    store.tokens[row] = -1
    if store.meta[WEIGHTED]:
        store.weights[row] = 0.0
        store.totals[row] = 0.0
    store.counts[row] = 0
    bucket = _bucket(store.heads, context, n)
    store.chain[row] = store.heads[bucket]
    store.heads[bucket] = row
    _link(store, row)
    return row


@njit(nogil=True, cache=True)
def _raise(store, row, token, step, cap, rule):
    """Add `step` to a successor's weight, up to `cap`. In a full row, a new successor replaces the one of least weight."""
    tokens, weights = store.tokens[row], store.weights[row]
    at = 0
    while at < len(tokens) - 1 and tokens[at] != token and tokens[at] >= 0:
        at += 1
    before = weights[at]
    now = min(before + step, max(cap, before)) if tokens[at] == token else min(step, cap)
    store.totals[row] += step if rule == COUNT else now - before  # counts include evicted successors
    while at > 0 and weights[at - 1] <= now:  # of equal weights, the latest comes first
        tokens[at], weights[at] = tokens[at - 1], weights[at - 1]
        at -= 1
    tokens[at], weights[at] = token, now
    store.counts[row] += 1


@njit(nogil=True, cache=True)
def _average(store, row, tokens, probs):
    """p := p m / (m + 1) + q / (m + 1) over the union of tokens; the largest are kept."""
    old, weights, width = store.tokens[row], store.weights[row], store.tokens.shape[1]
    m = np.float64(store.counts[row])
    union = np.empty(width + len(tokens), dtype=np.int32)
    mass = np.empty(width + len(tokens))
    num = 0
    for i in range(width):
        if old[i] < 0:
            break
        union[num], mass[num] = old[i], weights[i] * m / (m + 1)
        num += 1
    for i in range(len(tokens)):
        if tokens[i] < 0 or probs[i] <= 0:
            continue
        at = 0
        while at < num and union[at] != tokens[i]:
            at += 1
        if at == num:
            union[num], mass[num] = tokens[i], 0.0
            num += 1
        mass[at] += probs[i] / (m + 1)
    for i in range(1, num):  # insertion sort: nearly sorted already, and stable
        token, weight, at = union[i], mass[i], i
        while at > 0 and mass[at - 1] < weight:
            union[at], mass[at] = union[at - 1], mass[at - 1]
            at -= 1
        union[at], mass[at] = token, weight
    for i in range(width):
        old[i] = union[i] if i < num else -1
        weights[i] = mass[i] if i < num else 0.0
    store.totals[row] = 1.0
    store.counts[row] += 1


@njit(nogil=True, cache=True)
def first_wrong(ids, vocab_size):
    """The first id outside -1..vocab_size - 1, or `NOTHING_WRONG`."""
    for i in range(ids.shape[0]):
        for j in range(ids.shape[1]):
            if not -1 <= ids[i, j] < vocab_size:
                return np.int64(ids[i, j])
    return np.int64(NOTHING_WRONG)


@njit(nogil=True, cache=True)
def learn_rows(store, orders, contexts, tokens, probs, rule, vocab_size):
    """Learn the successors `tokens` (n, k), best first, with `probs` (n, k) where the table is weighted, for all orders.

    Returns `NOTHING_WRONG`; or, where a token is outside the vocabulary, learns nothing and returns the first such token."""
    wrong = first_wrong(contexts, vocab_size)
    if wrong == NOTHING_WRONG:
        wrong = first_wrong(tokens, vocab_size)
    if wrong != NOTHING_WRONG:
        return wrong
    k = min(tokens.shape[1], store.tokens.shape[1])
    for i in range(len(contexts)):
        context = contexts[i]
        for n in orders:
            if context[len(context) - n] < 0:
                continue
            row = _place(store, context, n)
            if rule == MEAN:
                _average(store, row, tokens[i], probs[i])
                continue
            for j in range(k):
                store.tokens[row, j] = tokens[i, j]
            for j in range(k, store.tokens.shape[1]):
                store.tokens[row, j] = -1
            if store.meta[WEIGHTED]:
                for j in range(store.tokens.shape[1]):
                    store.weights[row, j] = probs[i, j] if j < k else 0.0
                store.totals[row] = 1.0
            store.counts[row] += 1
    return np.int64(NOTHING_WRONG)


@njit(nogil=True, cache=True)
def learn_text(store, orders, text, first, last, step, cap, rule):
    """Learn text[i] as the successor of the n tokens before it, for i from `first` to `last` - 1 and all orders n."""
    longest = store.context.shape[1]
    context = np.empty(longest, dtype=np.int32)
    for i in range(max(first, 1), last):
        for j in range(longest):
            place = i - longest + j
            context[j] = text[place] if place >= 0 else -1
        for n in orders:
            if n <= i:
                _raise(store, _place(store, context, n), text[i], step, cap, rule)


@njit(nogil=True, cache=True)
def share(store, row, j):
    """Weight of successor `j` divided by its row's total."""
    if not store.meta[WEIGHTED]:
        return store.weights[0, j]
    return store.weights[row, j] / store.totals[row] if store.totals[row] > 0 else 0.0
