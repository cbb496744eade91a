"""The contract of sketches: a random matrix S with few rows, which is never stored."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from foretell.numbers.component import Component
from foretell.parts import require

#: One drawn S: a function from (n, c) to S times it, (m, c).
DrawnSketch = Callable[[Any], np.ndarray]
#: Columns transformed at once, so that the workspace fits into the processor's cache.
COLUMNS = 16


@dataclass(eq=False, repr=False)
class Sketch(Component):
    """Abstract: draws S (m, n) with E[S'S] = I. The mean of S itself is 0, so that sketches S_1, S_2, ... of chunks of rows, drawn
    independently, add up to a sketch [S_1 S_2 ...] of all rows.

    takes_sparse: whether a sparse matrix stays sparse.
    """

    takes_sparse: ClassVar[bool] = False

    def draw(self, num_rows: int, m: int, rng: np.random.Generator) -> DrawnSketch:
        """One S for matrices of `num_rows` rows, which can be applied to several: A and b need the same. The same state of `rng` gives
        identical results."""
        require(isinstance(m, int | np.integer) and m >= 1, self, "m", m, "must be a whole number of at least 1")
        require(num_rows >= 1, self, "num_rows", num_rows, "must be at least 1")
        return self._draw(int(num_rows), int(m), rng)

    def apply(self, M: Any, m: int, rng: np.random.Generator) -> np.ndarray:  # noqa: N803
        """S M, (m, c), for a matrix (n, c)."""
        return self.draw(M.shape[0], m, rng)(M)

    @abstractmethod
    def _draw(self, num_rows: int, m: int, rng: np.random.Generator) -> DrawnSketch:
        """As `draw`; all random numbers are drawn from `rng` before the first application."""


def signed_columns(M: np.ndarray, signs: np.ndarray, padded: int) -> Iterator[tuple[slice, np.ndarray]]:  # noqa: N803
    """A few columns at a time, as rows (c, padded) multiplied by the signs: their slice, and a new array."""
    for first in range(0, M.shape[1], COLUMNS):
        place = slice(first, min(first + COLUMNS, M.shape[1]))
        part = np.zeros((place.stop - first, padded))
        np.multiply(M[:, place].T, signs, out=part[:, : len(M)])
        yield place, part
