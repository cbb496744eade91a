"""Conjugate gradients on a table preconditioned by a sketch: the exact solution in a few passes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.linalg import solve_triangular

from foretell.numbers.linear.sketched_system import TableRows

Product = Callable[[np.ndarray], np.ndarray]


def refine(
    forward: Product, adjoint: Product, b: np.ndarray, factor: np.ndarray, start: np.ndarray, steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """`steps` steps of CGLS on A R^-1 from `start` (d, k), separately for each target; each step reduces the error by a factor of about
    sqrt(d / m). Returns x (d, k), and |R'^-1 A' (b - A x)| (k,), which is 0 at the solution.

    forward: (d, k) -> A times it; adjoint: (n, k) -> A' times it. b: (n, k). factor: R (d, d) of a sketch of A.

    Paper: Rokhlin, Tygert, "A fast randomized algorithm for overdetermined linear least-squares regression" (PNAS 2008).
    """

    def pull(residual: np.ndarray) -> np.ndarray:
        return solve_triangular(factor, adjoint(residual), trans="T", check_finite=False)

    found = start.copy()
    residual = b - forward(found)
    gradient = pull(residual)
    direction = gradient.copy()
    size = np.sum(gradient**2, axis=0)
    best, least = found.copy(), size.copy()
    for _ in range(steps):
        step = solve_triangular(factor, direction, check_finite=False)
        moved = forward(step)
        rate = _ratio(size, np.sum(moved**2, axis=0))
        found += rate * step
        residual -= rate * moved
        gradient = pull(residual)
        before, size = size, np.sum(gradient**2, axis=0)
        better = size < least
        best[:, better], least[better] = found[:, better], size[better]
        # At rounding level directions are noise and steps grow: a target whose gradient has grown tenfold is finished.
        direction = np.where(size < 100 * least, gradient + _ratio(size, before) * direction, 0.0)
    return best, np.sqrt(least)


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """above / below, and 0 where below is 0."""
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)


def table_products(rows: TableRows, mean: np.ndarray, intercept: bool) -> tuple[Product, Product]:
    """`forward` and `adjoint` of the table, centred by `mean` (d,) and with a column of ones where there is an intercept, without a
    copy."""
    root = 1.0 if rows.root is None else rows.root

    def forward(x: np.ndarray) -> np.ndarray:
        slopes = x[:-1] if intercept else x
        return root * (rows.X @ slopes - mean @ slopes + (x[-1] if intercept else 0.0))

    def adjoint(u: np.ndarray) -> np.ndarray:
        scaled = root * u
        total = scaled.sum(axis=0)
        slopes = rows.X.T @ scaled - np.outer(mean, total)
        return np.vstack([slopes, total]) if intercept else slopes

    return forward, adjoint
