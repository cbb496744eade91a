"""`Gaussian`: a matrix of independent normal numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from foretell.numbers.linear.sketches.base import DrawnSketch, Sketch

#: Rows for which numbers are drawn at once.
ROWS = 2048


@dataclass(eq=False, repr=False)
class Gaussian(Sketch):
    """All entries N(0, 1 / m). The only sketch whose error distribution is known exactly (Student's t), and the slowest: n m numbers are
    drawn and multiplied, anew for each matrix, since S is not stored.

    >>> rows = np.random.default_rng(0).standard_normal((500, 3))
    >>> Gaussian().apply(rows, 100, np.random.default_rng(1)).shape
    (100, 3)
    """

    def _draw(self, num_rows: int, m: int, rng: np.random.Generator) -> DrawnSketch:
        seed = int(rng.integers(2**63))

        def sketch(M: np.ndarray) -> np.ndarray:  # noqa: N803
            numbers, result = np.random.default_rng(seed), np.zeros((m, M.shape[1]))
            for first in range(0, num_rows, ROWS):
                part = M[first : first + ROWS]
                result += numbers.standard_normal((m, len(part))) @ part
            return result / np.sqrt(m)

        return sketch
