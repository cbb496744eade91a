"""The numbers that a format can write, in increasing order: the leaves of its tree of tokens."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from foretell.errors import UserError
from foretell.numbers.distributions import Histogram, PointMasses


@dataclass(frozen=True, eq=False)
class Level:
    """One position in the token rows. node: (m,), which of the distinct prefixes each leaf passes through. token: (m,), the token that
    follows. allowed: (num_nodes, num_tokens) bool, the tokens that may follow each prefix."""

    node: np.ndarray
    token: np.ndarray
    allowed: np.ndarray


@dataclass(frozen=True, eq=False)
class Leaves:
    """m numbers as token rows, in increasing order.

    tokens: (m, length), all rows distinct. values: (m,). edges: (m + 1,); number i stands for all values between edges[i] and edges[i + 1].

    >>> leaves = Leaves(np.array([[0, 0], [0, 1], [1, 1]]), np.array([0.0, 1.0, 2.0]), np.array([-0.5, 0.5, 1.5, 2.5]))
    >>> [level.allowed.tolist() for level in leaves.levels]
    [[[True, True]], [[True, True], [False, True]]]
    >>> leaves.tokens[leaves.places(np.array([0.6, 2.4]))].tolist(), leaves.decode(np.array([[1, 1]])).tolist()
    ([[0, 1], [1, 1]], [2.0])
    """

    tokens: np.ndarray
    values: np.ndarray
    edges: np.ndarray

    def __len__(self) -> int:
        return len(self.values)

    @property
    def num_tokens(self) -> int:
        """Tokens are 0 to num_tokens - 1, at all positions."""
        return int(self.tokens.max()) + 1

    @cached_property
    def levels(self) -> list[Level]:
        """One level a position: the whole tree of prefixes."""
        found, node = [], np.zeros(len(self), dtype=np.int64)
        for token in self.tokens.T:
            allowed = np.zeros((node.max() + 1, self.num_tokens), dtype=bool)
            allowed[node, token] = True
            found.append(Level(node, token, allowed))
            node = np.unique(node * self.num_tokens + token, return_inverse=True)[1]
        return found

    def places(self, y: np.ndarray) -> np.ndarray:
        """(n,): the index of the number that stands for each of `y` (n,); UserError for values outside all cells."""
        y = np.asarray(y, dtype=float)
        outside = ~((y >= self.edges[0]) & (y <= self.edges[-1]))  # NaN too
        if outside.any():
            raise UserError(
                f"y={y[outside][0]!r} lies outside the support, {self.edges[0]:g} to {self.edges[-1]:g}; fit the format to targets "
                "in that range, or give it wider bounds"
            )
        return np.clip(np.searchsorted(self.edges, y, side="right") - 1, 0, len(self) - 1)

    def decode(self, tokens: np.ndarray) -> np.ndarray:
        """Token rows (n, length) to numbers (n,); UserError for a row that no number is written as."""
        known = {row.tobytes(): i for i, row in enumerate(np.ascontiguousarray(self.tokens, dtype=np.int64))}
        rows = np.ascontiguousarray(np.atleast_2d(tokens), dtype=np.int64)
        found = [known.get(row.tobytes(), -1) for row in rows]
        if -1 in found:
            raise UserError(f"tokens={rows[found.index(-1)].tolist()!r} are not what the format writes for any number")
        return self.values[found]

    def histogram(self, masses: np.ndarray) -> Histogram:
        """Masses (n, m) spread evenly over the cell of each number: the distribution of the value before rounding."""
        return Histogram(self.edges, masses)

    def points(self, masses: np.ndarray) -> PointMasses:
        """Masses (n, m) on the numbers as they are written."""
        return PointMasses(self.values, masses)


def midway(values: np.ndarray) -> np.ndarray:
    """Edges halfway between numbers, and equally far beyond the outermost, where rounding to the nearest number changes. A single number
    has edges at a distance of 1/2."""
    if len(values) == 1:
        return np.array([values[0] - 0.5, values[0] + 0.5])
    inner = (values[:-1] + values[1:]) / 2
    return np.concatenate([[2 * values[0] - inner[0]], inner, [2 * values[-1] - inner[-1]]])
