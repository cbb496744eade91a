"""`LSTSQ`: least squares by LAPACK's drivers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from foretell.numbers.linear.solvers.base import LinearSolver
from foretell.parts import require

DRIVERS = ("gelsd", "gelsy", "gelss")


@dataclass(eq=False, repr=False)
class LSTSQ(LinearSolver):
    """`scipy.linalg.lstsq`.

    driver: "gelsd" (singular values, divide and conquer), "gelss" (singular values) or "gelsy" (QR with pivoting, the fastest). min_norm:
    also solve where columns depend on each other, with the minimum-norm solution; then G(F(a)) is a's projection, not a.

    >>> LSTSQ(min_norm=True).solve([[1.0, 1.0], [1.0, 1.0]], [2.0, 2.0]).round(12).tolist()
    [1.0, 1.0]
    """

    driver: str = "gelsd"
    min_norm: bool = False

    def _solve(self, A: np.ndarray, b: np.ndarray) -> np.ndarray:  # noqa: N803
        require(self.driver in DRIVERS, self, "driver", self.driver, f"must be one of {', '.join(DRIVERS)}")
        if not self.min_norm:
            self._demand_rank(A)
        return scipy.linalg.lstsq(A, b, lapack_driver=self.driver, check_finite=False)[0]
