"""A static template of rank paths, filled from a successor table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from foretell.decoding.drafting.successors import kernels
from foretell.decoding.drafting.successors.kernels import find_longest, share
from foretell.decoding.drafting.successors.table import SuccessorTable
from foretell.decoding.drafting.templates import Template
from foretell.decoding.drafting.trees.paths import Paths
from foretell.models.engines.compiled import njit
from foretell.models.source_key import source_key


def shape_of(template: Template) -> NDArray[np.int64]:
    """A template as an int64 array (n, 3) for `fill_template`: parent's index or -1, rank, and depth of each path."""
    index = {(): -1, **{path: i for i, path in enumerate(template)}}
    return np.array([(index[path[:-1]], path[-1], len(path)) for path in template], dtype=np.int64)


def fill_template(table: SuccessorTable, text: Sequence[int], shape: NDArray[np.int64], num_nodes: int, depth: int) -> Paths:
    """The paths of a template (see `shape_of`) after `text` for which the table has tokens: rank j is the j-th successor of the parent's
    context, from 0. At most `num_nodes`, in the template's order, no longer than `depth`. Cost: a few microseconds.

    >>> table = SuccessorTable(10, (1,))
    >>> table.learn_rows([[1], [2]], [[2, 5], [3, 4]])
    >>> fill_template(table, [1], shape_of(((0,), (0, 1), (1,), (1, 0))), 8, 8).tokens
    [2, 4, 5]
    """
    limit = max(min(num_nodes, len(shape)), 0)
    nodes, reach = np.empty((3, limit), dtype=np.int64), np.empty(limit)
    with table.lock:
        num_paths = _fill(table.store, table.order_array, table.context(text), shape, nodes, reach, limit, depth)
    return Paths.of(nodes, reach, num_paths)


def _cached(build: int):
    """The compiled function, with `build` in its closure (see `source_key`)."""

    @njit(nogil=True, cache=True)
    def fill(store, orders, root, shape, nodes, reach, num_nodes, depth):
        num, longest, width = len(shape) if build else 0, len(root), store.tokens.shape[1]
        contexts = np.empty((num + 1, longest), dtype=np.int32)
        rows = np.full(num + 1, -2, dtype=np.int64)  # -2: not looked up yet, -1: unknown
        known = np.zeros(num + 1, dtype=np.int64)
        number = np.full(num + 1, -2, dtype=np.int64)  # the node of each path; -2: none
        above = np.ones(num + 1)
        contexts[0], number[0] = root, -1
        count = 0
        for i in range(num):
            up, rank = shape[i, 0] + 1, shape[i, 1]
            if count >= num_nodes or shape[i, 2] > depth or number[up] == -2:
                continue
            if rows[up] == -2:
                rows[up], known[up] = find_longest(store, contexts[up], orders)
            row = rows[up]
            if row < 0 or rank >= width or store.tokens[row, rank] < 0:
                continue
            token = store.tokens[row, rank]
            contexts[i + 1, : longest - 1] = contexts[up, 1:]
            contexts[i + 1, longest - 1] = token
            above[i + 1] = above[up] * share(store, row, rank)
            number[i + 1] = count
            nodes[0, count], nodes[1, count], nodes[2, count], reach[count] = token, number[up], known[up], above[i + 1]
            count += 1
        return count

    return fill


_fill = _cached(source_key(kernels.__file__))
