"""Best-first expansion: the paths of a successor table with the largest products of shares."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit

from foretell.decoding.successors import kernels
from foretell.decoding.successors.kernels import find_longest, share
from foretell.decoding.successors.table import SuccessorTable
from foretell.decoding.trees.paths import Paths
from foretell.models.source_key import source_key


def best_first(table: SuccessorTable, text: Sequence[int], num_nodes: int, depth: int) -> Paths:
    """The `num_nodes` paths after `text`, no longer than `depth`, with the largest product of shares, largest first.

    Each drafted token's own context is looked up, longest order first. Exact: no path left out has a larger product.
    Cost: O(num_nodes**2), some microseconds.

    >>> table = SuccessorTable(10, (1,), rule="count")
    >>> table.learn_text([1, 2, 3, 1, 2, 3, 1, 4])
    >>> best_first(table, [1], num_nodes=3, depth=2).tokens
    [2, 3, 4]
    """
    num = max(min(num_nodes, 1 << 12), 0)
    nodes = np.empty((3, num), dtype=np.int64)
    reach = np.empty(num)
    found = _search(table.store, table.order_array, table.context(text), nodes, reach, depth)
    return Paths.of(nodes, reach, found)


def _cached(build: int):
    """The compiled function, with `build` in its closure (see `source_key`)."""

    @njit(nogil=True, cache=True)
    def search(store, orders, root, nodes, reach, depth):
        num, longest, width = nodes.shape[1] if build else 0, len(root), store.tokens.shape[1]
        contexts = np.empty((num + 1, longest), dtype=np.int32)
        rows = np.full(num + 1, -1, dtype=np.int64)  # place 0 is the root, place i + 1 is node i
        known = np.zeros(num + 1, dtype=np.int64)
        following = np.zeros(num + 1, dtype=np.int64)  # the rank of the best child that is not in the tree yet
        depths = np.zeros(num + 1, dtype=np.int64)
        above = np.ones(num + 1)
        contexts[0] = root
        if depth > 0:
            rows[0], known[0] = find_longest(store, contexts[0], orders)
        for count in range(num):
            best, at = 0.0, -1
            for place in range(count + 1):
                row, rank = rows[place], following[place]
                if row >= 0 and rank < width and store.tokens[row, rank] >= 0:
                    chance = above[place] * share(store, row, rank)
                    if chance > best:
                        best, at = chance, place
            if at < 0:
                return count
            token = store.tokens[rows[at], following[at]]
            following[at] += 1
            nodes[0, count], nodes[1, count], nodes[2, count], reach[count] = token, at - 1, known[at], best
            new = count + 1
            contexts[new, : longest - 1] = contexts[at, 1:]
            contexts[new, longest - 1] = token
            above[new], depths[new] = best, depths[at] + 1
            if depths[new] < depth:
                rows[new], known[new] = find_longest(store, contexts[new], orders)
        return num

    return search


_search = _cached(source_key(kernels.__file__))
