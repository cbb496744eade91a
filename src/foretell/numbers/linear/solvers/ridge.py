"""`Ridge`: least squares with a penalty on the coefficients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from foretell.numbers.linear.solvers.base import LinearSolver
from foretell.parts import require


@dataclass(eq=False, repr=False)
class Ridge(LinearSolver):
    """Minimises the sum of squares plus alpha |x|². Columns may depend on each other. Coefficients are shrunk towards 0, so it is no exact
    solver, and `check_linear_solver` reports shrinkage. alpha: above 0.

    >>> Ridge(alpha=1.0).solve([[1.0], [1.0]], [3.0, 3.0]).tolist()
    [2.0]
    """

    alpha: float = 1.0

    def _solve(self, A: np.ndarray, b: np.ndarray) -> np.ndarray:  # noqa: N803
        require(self.alpha > 0, self, "alpha", self.alpha, "must be above 0; take QR() for least squares without a penalty")
        penalised = A.T @ A + self.alpha * np.eye(A.shape[1])
        return scipy.linalg.solve(penalised, A.T @ b, assume_a="pos", check_finite=False)
