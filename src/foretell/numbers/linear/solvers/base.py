"""The contract of least-squares solvers."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from foretell.numbers.component import Component
from foretell.numbers.linear.systems import demand_full_rank, finite_matrix, finite_targets, root_weights


@dataclass(eq=False, repr=False)
class LinearSolver(Component):
    """Abstract: solves least squares, without an intercept: add a column of ones, or centre both sides, but not both.

    `foretell.testing.linear_solver.check_linear_solver` checks the properties of exact solvers.
    """

    def solve(self, A: Any, b: Any, weights: Any = None) -> np.ndarray:  # noqa: N803
        """The x that minimises the sum of weights * (A x - b)²: (d,) for b (n,), (d, k) for b (n, k). A: (n, d) of full column rank.
        weights: (n,), above 0: inverse variances. Computed in float64. Errors: UserError for NaN, shapes that do not match, and dependent
        columns."""
        matrix = finite_matrix(A, "A")
        targets = finite_targets(b, len(matrix), "b")
        columns = targets.reshape(len(matrix), -1)
        if weights is not None:
            root = root_weights(weights, len(matrix))
            matrix, columns = matrix * root, columns * root
        found = self._solve(matrix, columns)
        return found[:, 0] if targets.ndim == 1 else found

    @abstractmethod
    def _solve(self, A: np.ndarray, b: np.ndarray) -> np.ndarray:  # noqa: N803
        """(n, d), (n, k) -> (d, k), unweighted; calls `_demand_rank` where needed."""

    def _demand_rank(self, A: np.ndarray) -> None:  # noqa: N803
        demand_full_rank(A, type(self).__name__, "take LSTSQ(min_norm=True)")
