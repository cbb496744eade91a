"""What tree builders return, and how it becomes a `Tree`."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from foretell.decoding.tree import Tree

#: Grades of fixed nodes go from 0 (as good as certain) to this (a share of 2**-6 or less).
LEAST_GRADE = 6


class Paths(NamedTuple):
    """Nodes, parents first: tokens, parents (-1: the root), reach (product of the table's shares along the path), orders (length
    of the context that each node's row was found by)."""

    tokens: list[int]
    parents: list[int]
    reach: list[float]
    orders: list[int]

    @classmethod
    def of(cls, nodes: NDArray[np.int64], reach: NDArray[np.float64], num: int) -> Paths:
        """The first `num` of what kernels write: `nodes` (3, ...) holds tokens, parents and orders."""
        tokens, parents, orders = nodes[:, :num].tolist()
        return cls(tokens, parents, reach[:num].tolist(), orders)


def grade_of(chance: float) -> int:
    """Halvings from 1 to `chance`, rounded; what a pace learns the worth of.

    >>> [grade_of(chance) for chance in (1.0, 0.6, 0.25, 0.0)]
    [0, 1, 2, 6]
    """
    return min(max(round(-math.log2(chance)), 0), LEAST_GRADE) if chance > 0 else LEAST_GRADE


def fixed_tree(paths: Paths, source: str) -> Tree:
    """A tree of fixed candidates, each graded by its share of its parent's row."""
    tree, reach = Tree(), paths.reach
    for token, parent, chance in zip(paths.tokens, paths.parents, reach, strict=True):
        above = reach[parent] if parent >= 0 else 1.0
        tree.add(token, parent, source=source, grade=grade_of(chance / above if above > 0 else 0.0))
    return tree
