"""Columns that are combinations of others: which to leave out, and coefficients of a fit without them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from foretell.numbers.linear.sketched_system import TableRows

#: Columns of length 1 with less than this left, after those before are taken off, are combinations of them.
NEAR = 1e-9


def later_combinations(matrix: np.ndarray, intercept: bool) -> list[int]:
    """Columns of (n, d) that are combinations of those before them. intercept: the last column counts as the first.

    >>> later_combinations(np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0], [1.0, 0.0, 1.0]]), intercept=True)
    [1]
    """
    num = matrix.shape[1]
    order = [num - 1, *range(num - 1)] if intercept else list(range(num))
    basis, found = np.zeros((len(matrix), 0)), []
    for column in order:
        length = np.linalg.norm(matrix[:, column])
        left = matrix[:, column] / (length or 1.0)
        for _ in range(2):  # once leaves rounding errors
            left = left - basis @ (basis.T @ left)
        size = np.linalg.norm(left)
        if size > NEAR:
            basis = np.hstack([basis, left[:, None] / size])
        else:
            found.append(column)
    return sorted(found)


def are_combinations(rows: TableRows, dropped: list[int], matrix: np.ndarray, intercept: bool) -> bool:
    """Whether columns that depend on the others in the sketch do so in all rows of the table too. matrix: (r, d) or, with an intercept,
    (r, d + 1), the sketch."""
    kept = np.setdiff1d(np.arange(matrix.shape[1]), dropped)
    shares = np.linalg.lstsq(matrix[:, kept], matrix[:, dropped], rcond=None)[0]
    dense = np.asarray(rows.X.toarray() if hasattr(rows.X, "toarray") else rows.X)
    whole = np.hstack([dense, np.ones((len(rows), 1))]) if intercept else dense
    away = np.linalg.norm(whole[:, dropped] - whole[:, kept] @ shares, axis=0)
    return bool((away <= 1e-6 * np.maximum(np.linalg.norm(whole[:, dropped], axis=0), np.finfo(float).tiny)).all())


def without(rows: TableRows, dropped: list[int]) -> TableRows:
    """The rows without these columns."""
    kept = np.setdiff1d(np.arange(rows.X.shape[1]), dropped)
    return TableRows(rows.X[:, kept], rows.y, rows.root, rows.flat)


def warn_of_left_out(called: Sequence[Any]) -> None:
    """Warn of columns without which a fit goes on, by their names or numbers."""
    warnings.warn(
        f"columns {list(called)} are combinations of those before them, so they were left out, with coefficients of 0; collinear='error' "
        "refuses them",
        stacklevel=3,
    )


def widen(estimator: Any, dropped: list[int]) -> None:
    """Give columns that a fit left out the coefficient 0, with no error."""
    places = np.array(dropped) - np.arange(len(dropped))
    axes = {"coef_": (-1,), "coef_std_": (-1,), "coef_spread_": (-1,), "mean_": (0,), "covariance_": (0, 1)}
    for name, along in axes.items():
        values = getattr(estimator, name)
        for axis in along if values is not None else ():
            values = np.insert(values, places, 0.0, axis=axis)
        setattr(estimator, name, values)
