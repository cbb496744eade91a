"""`Cholesky`: least squares by the normal equations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from foretell.errors import UserError
from foretell.numbers.linear.solvers.base import LinearSolver


@dataclass(eq=False, repr=False)
class Cholesky(LinearSolver):
    """Solves A'A x = A'b. It takes half the work of QR, in one matrix product, but squares the condition number. One step of refinement
    recovers accuracy up to a condition number of about 1e7. Errors: UserError for dependent columns.

    >>> Cholesky().solve([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]], [1.0, 3.0, 5.0]).round(12).tolist()
    [1.0, 2.0]
    """

    def _solve(self, A: np.ndarray, b: np.ndarray) -> np.ndarray:  # noqa: N803
        self._demand_rank(A)
        lengths = np.linalg.norm(A, axis=0)  # columns of length 1 have nearly the least condition number that scaling can give
        unit = A / lengths
        try:
            factor = scipy.linalg.cho_factor(unit.T @ unit, check_finite=False)
        except np.linalg.LinAlgError as error:
            raise UserError("Cholesky: A is too ill-conditioned for normal equations; take QR()") from error
        found = scipy.linalg.cho_solve(factor, unit.T @ b, check_finite=False)
        found += scipy.linalg.cho_solve(factor, unit.T @ (b - unit @ found), check_finite=False)
        return found / lengths[:, None]
