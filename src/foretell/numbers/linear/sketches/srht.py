"""`SRHT`: subsampled randomised Hadamard transform."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from foretell.numbers.linear.sketches.base import DrawnSketch, Sketch, signed_columns
from foretell.numbers.linear.sketches.hadamard import hadamard_transform, padded_length


@dataclass(eq=False, repr=False)
class SRHT(Sketch):
    """Rows padded with zeros to 2^k, random signs, Hadamard transform down the columns, m rows drawn without replacement, divided by
    sqrt(m). All entries of S have the same size. Padding nearly doubles the work for 2^k + 1 rows.

    Paper: Song, Ye, Yin, Zhang, "A Nearly-Optimal Bound for Fast Regression with l_infinity Guarantee" (ICML 2023), definition of SRHT.

    >>> rows = np.random.default_rng(0).standard_normal((500, 3))
    >>> SRHT().apply(rows, 100, np.random.default_rng(1)).shape
    (100, 3)
    """

    papers = ("sketched-regression",)

    def _draw(self, num_rows: int, m: int, rng: np.random.Generator) -> DrawnSketch:
        padded = padded_length(max(num_rows, m))
        signs = rng.choice([-1.0, 1.0], size=num_rows)
        kept = rng.choice(padded, size=m, replace=False)

        def sketch(M: np.ndarray) -> np.ndarray:  # noqa: N803
            result = np.empty((m, M.shape[1]))
            for place, part in signed_columns(M, signs, padded):
                result[:, place] = hadamard_transform(part)[:, kept].T
            return result / np.sqrt(m)

        return sketch
