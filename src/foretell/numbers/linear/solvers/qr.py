"""`QR`: least squares by an orthogonal basis of the columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from foretell.numbers.linear.solvers.base import LinearSolver


@dataclass(eq=False, repr=False)
class QR(LinearSolver):
    """A = Q R, then R x = Q'b, as accurate as the condition number allows. Cost: 2 n d² multiplications and additions. Errors: UserError
    for dependent columns.

    >>> QR().solve([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]], [1.0, 3.0, 5.0]).round(12).tolist()
    [1.0, 2.0]
    """

    def _solve(self, A: np.ndarray, b: np.ndarray) -> np.ndarray:  # noqa: N803
        basis, triangle = scipy.linalg.qr(A, mode="economic", check_finite=False)
        self._demand_rank(triangle)
        return scipy.linalg.solve_triangular(triangle, basis.T @ b, check_finite=False)
