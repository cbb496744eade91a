"""`GradientDescent`: least squares by gradient descent."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from foretell.numbers.linear.solvers.base import LinearSolver
from foretell.parts import require


@dataclass(eq=False, repr=False)
class GradientDescent(LinearSolver):
    """Gradient descent from 0 with a constant step.

    max_steps: their largest number. tolerance: stop when the gradient is this much smaller than at the start, or at rounding level; a
    warning where this is not reached. step: None is the best constant one, 2 / (s_1² + s_d²), of the largest and least singular value; a
    number is in units of 1 / s_1² and converges below 2. The number of steps grows with the square of the condition number.

    >>> GradientDescent().solve([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]], [1.0, 3.0, 5.0]).round(9).tolist()
    [1.0, 2.0]
    """

    max_steps: int = 100_000
    tolerance: float = 1e-14
    step: float | None = None

    def _solve(self, A: np.ndarray, b: np.ndarray) -> np.ndarray:  # noqa: N803
        require(self.max_steps >= 1, self, "max_steps", self.max_steps, "must be at least 1")
        require(self.tolerance >= 0, self, "tolerance", self.tolerance, "must be 0 or above")
        require(self.step is None or 0 < self.step < 2, self, "step", self.step, "must lie between 0 and 2, else the steps run away")
        self._demand_rank(A)
        singular = np.linalg.svd(A, compute_uv=False)
        length = 2 / (singular[0] ** 2 + singular[-1] ** 2) if self.step is None else self.step / singular[0] ** 2
        found = np.zeros((A.shape[1], b.shape[1]))
        rounding = np.finfo(float).eps * singular[0] * np.linalg.norm(b, axis=0)  # below this a gradient is noise
        enough = np.maximum(self.tolerance * np.linalg.norm(A.T @ b, axis=0), rounding)
        for _ in range(self.max_steps):
            gradient = A.T @ (b - A @ found)
            if np.all(np.linalg.norm(gradient, axis=0) <= enough):
                return found
            found += length * gradient
        warnings.warn(
            f"GradientDescent: max_steps={self.max_steps} did not reach tolerance={self.tolerance}; take more steps, or QR()", stacklevel=3
        )
        return found
