"""Best-first expansion: the paths of successor tables with the largest products of shares."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import numpy as np

from foretell.decoding.drafting.successors import kernels
from foretell.decoding.drafting.successors.kernels import find_longest, share
from foretell.decoding.drafting.successors.table import SuccessorTable
from foretell.decoding.drafting.trees.paths import Paths
from foretell.models.engines.compiled import njit
from foretell.models.source_key import source_key


def best_first(tables: SuccessorTable | Sequence[SuccessorTable], text: Sequence[int], num_nodes: int, depth: int) -> Paths:
    """The `num_nodes` paths after `text`, no longer than `depth`, with the largest product of shares, largest first.

    The context of each drafted token is looked up, longest order first. Shares of several tables are interpolated: each table that knows
    the context has weight 2**order, so that longer contexts outweigh shorter ones. Exact: no path that is left out has a larger product.
    Cost: O(num_nodes**2), a few microseconds per table.

    >>> table = SuccessorTable(10, (1,), rule="count")
    >>> table.learn_text([1, 2, 3, 1, 2, 3, 1, 4])
    >>> best_first(table, [1], num_nodes=3, depth=2).tokens
    [2, 3, 4]
    """
    if isinstance(tables, SuccessorTable):
        tables = (tables,)
    num = max(min(num_nodes, 1 << 12), 0)
    nodes = np.empty((3, num), dtype=np.int64)
    reach = np.empty(num)
    longest = max(table.longest for table in tables)
    tail = [*text[-longest:]]
    root = np.array([-1] * (longest - len(tail)) + tail, dtype=np.int32)
    with contextlib.ExitStack() as locks:
        for table in sorted(tables, key=id):  # the same order in all threads, against deadlocks
            locks.enter_context(table.lock)
        num_paths = _search(tuple(table.store for table in tables), tuple(table.order_array for table in tables), root, nodes, reach, depth)
    return Paths.of(nodes, reach, num_paths)


@njit(nogil=True)  # cached as part of `search` only, whose cache key covers the functions called here
def _look_up(stores, orders, context, tokens, shares):
    """Write the successors of a context, best first. Returns their number and the longest known order."""
    num, order, mass = 0, np.int64(0), 0.0
    for which in range(len(stores)):
        store = stores[which]
        row, n = find_longest(store, context, orders[which])
        if row < 0:
            continue
        weight = 2.0**n
        mass += weight
        order = max(order, n)
        for rank in range(store.tokens.shape[1]):
            token = store.tokens[row, rank]
            if token < 0:
                break
            at = 0
            while at < num and tokens[at] != token:
                at += 1
            if at == num:
                tokens[at], shares[at] = token, 0.0
                num += 1
            shares[at] += weight * share(store, row, rank)
    for i in range(num):
        token, value, at = tokens[i], shares[i] / mass, i
        while at > 0 and shares[at - 1] < value:  # insertion sort: short, nearly sorted, and stable
            tokens[at], shares[at] = tokens[at - 1], shares[at - 1]
            at -= 1
        tokens[at], shares[at] = token, value
    return num, order


def _cached(build: int):
    """The compiled function, with `build` in its closure (see `source_key`) and no other compiled function (see `puct`)."""

    @njit(nogil=True, cache=True)
    def search(stores, orders, root, nodes, reach, depth):
        num, longest = nodes.shape[1] if build else 0, len(root)
        contexts = np.empty((num + 1, longest), dtype=np.int32)
        most = 0
        for which in range(len(stores)):
            most += stores[which].tokens.shape[1]
        tokens = np.empty((num + 1, most), dtype=np.int32)  # index 0 is the root, index i + 1 is node i
        shares = np.empty((num + 1, most))
        known = np.zeros(num + 1, dtype=np.int64)  # number of successors of each
        order = np.zeros(num + 1, dtype=np.int64)
        following = np.zeros(num + 1, dtype=np.int64)  # the rank of the best child that is not in the tree yet
        depths = np.zeros(num + 1, dtype=np.int64)
        above = np.ones(num + 1)
        contexts[0] = root
        if depth > 0:
            known[0], order[0] = _look_up(stores, orders, contexts[0], tokens[0], shares[0])
        for count in range(num):
            best, at = 0.0, -1
            for place in range(count + 1):
                rank = following[place]
                if rank < known[place]:
                    chance = above[place] * shares[place, rank]
                    if chance > best:
                        best, at = chance, place
            if at < 0:
                return count
            token = tokens[at, following[at]]
            following[at] += 1
            nodes[0, count], nodes[1, count], nodes[2, count], reach[count] = token, at - 1, order[at], best
            new = count + 1
            contexts[new, : longest - 1] = contexts[at, 1:]
            contexts[new, longest - 1] = token
            above[new], depths[new] = best, depths[at] + 1
            if depths[new] < depth:
                known[new], order[new] = _look_up(stores, orders, contexts[new], tokens[new], shares[new])
        return num

    return search


_search = _cached(source_key(kernels.__file__))
