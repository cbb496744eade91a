"""`Pooled`: Hadamard transform, then sums of random normal multiples over groups of rows. Experimental."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from foretell.numbers.linear.sketches.base import DrawnSketch, Sketch, signed_columns
from foretell.numbers.linear.sketches.hadamard import hadamard_transform, padded_length


@dataclass(eq=False, repr=False)
class Pooled(Sketch):
    """EXPERIMENTAL. Rows padded to 2^k, random signs, normalised Hadamard transform, a random order, each row times its own N(0, 1), then
    sums over m groups of adjacent rows, of nearly equal size. Given signs and order, the rows of S are independent normal vectors, which a
    repaired proof of per-coefficient bounds needs; that proof needs far more rows in a group than is practical.

    Departure: groups differ by one row where m does not divide 2^k. From an unrefereed manuscript that examines Song, Ye, Yin, Zhang (ICML
    2023).

    >>> rows = np.random.default_rng(0).standard_normal((500, 3))
    >>> Pooled().apply(rows, 100, np.random.default_rng(1)).shape
    (100, 3)
    """

    def _draw(self, num_rows: int, m: int, rng: np.random.Generator) -> DrawnSketch:
        padded = padded_length(max(num_rows, m))
        signs = rng.choice([-1.0, 1.0], size=num_rows)
        order = rng.permutation(padded)
        factors = rng.standard_normal(padded) / np.sqrt(padded)
        starts = np.arange(m) * padded // m

        def sketch(M: np.ndarray) -> np.ndarray:  # noqa: N803
            result = np.empty((m, M.shape[1]))
            for place, part in signed_columns(M, signs, padded):
                result[:, place] = np.add.reduceat(hadamard_transform(part)[:, order] * factors, starts, axis=1).T
            return result

        return sketch
