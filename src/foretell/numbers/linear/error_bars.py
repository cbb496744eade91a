"""Coefficients of a sketched fit, and error bars relative to the exact least-squares fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from foretell.numbers.linear.refining import refine, table_products
from foretell.numbers.linear.sketched_system import SketchedFit, TableRows


@dataclass
class CoefficientEstimate:
    """coefficients: (D, k), the intercept last. covariance: (D, D); the standard error in direction a is sqrt(a' covariance a) * scale.
    scale, bound, residual: (k,); bound holds for all coefficients, residual is that of the table. spread: (D, k), over repeats, or None.
    least: the least singular value."""

    coefficients: np.ndarray
    covariance: np.ndarray
    scale: np.ndarray
    bound: np.ndarray
    residual: np.ndarray
    spread: np.ndarray | None
    least: float

    def deviations(self, directions: np.ndarray) -> np.ndarray:
        """(n, k): standard errors in `directions` (n, D)."""
        return np.outer(np.sqrt(np.einsum("ij,ij->i", directions @ self.covariance, directions)), self.scale)


def exact_estimate(fit: SketchedFit) -> CoefficientEstimate:
    """The estimate from the table itself, which has rounding errors only."""
    [only] = fit.solutions
    nothing = np.zeros(len(only.residual))
    return CoefficientEstimate(only.coefficients, only.inverse_gram(), nothing, nothing, only.residual, None, only.least())


def sketched_estimate(fit: SketchedFit, m: int) -> CoefficientEstimate:
    """The mean over repeats, for m sketched rows. Given S A, a Gaussian S leaves normal errors with covariance (R'R)^-1 |S r|² / (m - D),
    where |S r| is the sketched residual: the formula of ordinary least squares in the sketched system."""
    found = np.array([each.coefficients for each in fit.solutions])
    num, columns = len(found), found.shape[1]
    covariance = np.mean([each.inverse_gram() for each in fit.solutions], axis=0)
    least = float(np.mean([each.least() for each in fit.solutions]))
    deviation = np.sqrt(np.mean([each.residual**2 for each in fit.solutions], axis=0) / (m - columns))
    residual = deviation * np.sqrt(m)  # the sketched residual is shorter than the table's, since it was minimised
    bound = 2 * np.sqrt(np.log(2 * columns) / (m - columns) / num) * residual / least
    spread = found.std(axis=0, ddof=1) / np.sqrt(num) if num > 1 else None
    return CoefficientEstimate(found.mean(axis=0), covariance, deviation / np.sqrt(num), bound, residual, spread, least)


def refined_estimate(fit: SketchedFit, m: int, rows: TableRows, steps: int, intercept: bool) -> CoefficientEstimate:
    """The mean over repeats, refined by `steps` passes over the table. The remaining error is bounded by the gradient and by how far the
    sketch can distort lengths: singular values of A R^-1 are at least 1 / (1 + sqrt(D / m)), as for a Gaussian sketch."""
    start, factor = sketched_estimate(fit, m), fit.solutions[0].factor
    forward, adjoint = table_products(rows, fit.mean, intercept)
    root = 1.0 if rows.root is None else rows.root
    targets = root * (rows.y - fit.y_mean)
    found, gradient = refine(forward, adjoint, targets, factor, start.coefficients, steps)
    rounding = np.finfo(float).eps * np.linalg.norm(targets, axis=0)
    scale = (gradient + rounding) * (1 + np.sqrt(len(factor) / m)) ** 2
    residual = np.linalg.norm(targets - forward(found), axis=0)
    least = fit.solutions[0].least()
    return CoefficientEstimate(found, fit.solutions[0].inverse_gram(), scale, scale / least, residual, None, least)


def fit_report(fit: SketchedFit, found: CoefficientEstimate, m: int, is_exact: bool, refine: int) -> dict[str, Any]:
    """What was done, plain data. residual: the length of y - X c; of a sketched fit, that of the sketch. residual_ratio: the expected ratio
    to the least residual."""
    columns = len(found.coefficients)
    ratio = 1.0 if is_exact or refine else float(np.sqrt(1 + columns / (m - columns) / len(fit.solutions)))
    return {
        "rows": fit.num_rows,
        "chunks": fit.num_chunks,
        "columns": columns,
        "m": m,
        "exact": is_exact,
        "seconds": fit.seconds,
        "residual": found.residual.tolist(),
        "residual_ratio": ratio,
        "least_singular_value": found.least,
    }
