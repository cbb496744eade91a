"""`CountSketch`: every row is added to one of m rows with a random sign."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.linalg import clarkson_woodruff_transform

from foretell.numbers.linear.sketches.base import DrawnSketch, Sketch

#: The name of scipy's parameter for random numbers, which depends on its version.
_SEED = "rng" if "rng" in inspect.signature(clarkson_woodruff_transform).parameters else "seed"


@dataclass(eq=False, repr=False)
class CountSketch(Sketch):
    """One entry a column of S: it takes the time of reading the table, and sparse tables stay sparse. Where two rows with much weight fall
    on one row of the sketch, single coefficients are far off, and error bars do not show it. For such tables use `refine`.

    By `scipy.linalg.clarkson_woodruff_transform`. Paper: Clarkson, Woodruff, "Low rank approximation and regression in input sparsity time"
    (STOC 2013).

    >>> rows = np.random.default_rng(0).standard_normal((500, 3))
    >>> CountSketch().apply(rows, 100, np.random.default_rng(1)).shape
    (100, 3)
    """

    papers = ("clarkson-woodruff",)

    takes_sparse: ClassVar[bool] = True

    def _draw(self, num_rows: int, m: int, rng: np.random.Generator) -> DrawnSketch:
        seed = int(rng.integers(2**31))  # scipy draws the same matrix from the same seed

        def sketch(M: Any) -> np.ndarray:  # noqa: N803
            result = clarkson_woodruff_transform(M, m, **{_SEED: seed})
            return result.toarray() if hasattr(result, "toarray") else np.asarray(result)

        return sketch
