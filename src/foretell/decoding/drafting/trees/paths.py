"""The result of tree builders, and its conversion to a `Tree`."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from foretell.decoding.tree import Tree

#: Grades of fixed nodes range from 0 (a share of about 1) to this (a share of about 2**-6 or less).
LEAST_GRADE = 6


class Paths(NamedTuple):
    """Nodes, parents first. tokens: token ids. parents: -1 for the root. reach: product of the table's shares along the path. orders:
    length of the context by which each node's row was found."""

    tokens: list[int]
    parents: list[int]
    reach: list[float]
    orders: list[int]

    @classmethod
    def of(cls, nodes: NDArray[np.int64], reach: NDArray[np.float64], num: int) -> Paths:
        """The first `num` paths in the arrays of kernels: `nodes` (3, n) holds tokens, parents and orders."""
        tokens, parents, orders = nodes[:, :num].tolist()
        return cls(tokens, parents, reach[:num].tolist(), orders)


def grade_of(probability: float) -> int:
    """-log2 of a probability, rounded and clipped to 0..6. Paces learn acceptance by grade.

    >>> [grade_of(chance) for chance in (1.0, 0.6, 0.25, 0.0)]
    [0, 1, 2, 6]
    """
    return min(max(round(-math.log2(probability)), 0), LEAST_GRADE) if probability > 0 else LEAST_GRADE


def fixed_tree(paths: Paths, source: str) -> Tree:
    """A tree of fixed candidates, each graded by its share of its parent's row."""
    tree, reach = Tree(), paths.reach
    for token, parent, product in zip(paths.tokens, paths.parents, reach, strict=True):
        above = reach[parent] if parent >= 0 else 1.0
        tree.add(token, parent, source=source, grade=grade_of(product / above if above > 0 else 0.0))
    return tree
