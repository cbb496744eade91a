"""Checks of systems of equations that all solvers share, with messages that name the problem and a remedy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.linalg import qr

from foretell.errors import UserError

#: Rounding errors are assumed to be those of sums of at least this length: a small matrix may be the factor of a tall one.
_LENGTH = 1000


class DependentColumnsError(UserError):
    """Columns are combinations of others. matrix: (n, d), the columns."""

    def __init__(self, message: str, matrix: np.ndarray) -> None:
        super().__init__(message)
        self.matrix = matrix


def finite_matrix(values: Any, name: str) -> np.ndarray:
    """`values` as finite float64 (n, d), n and d at least 1; UserError otherwise."""
    try:
        matrix = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise UserError(f"{name} must be numbers ({error}); leave out or encode columns of text and dates") from error
    if matrix.ndim != 2 or matrix.size == 0:
        raise UserError(f"{name} has shape {matrix.shape}; give (n, d) with at least one row and one column")
    if not np.isfinite(matrix).all():
        row, column = np.argwhere(~np.isfinite(matrix))[0]
        raise UserError(f"{name} holds NaN or infinity, the first in row {row}, column {column}; fill or leave out such rows")
    return matrix


def finite_targets(values: Any, num_rows: int, name: str) -> np.ndarray:
    """`values` as finite float64, (n,) or (n, k), with num_rows rows; UserError otherwise."""
    targets = np.asarray(values)
    if targets.ndim not in (1, 2) or len(targets) != num_rows:
        raise UserError(f"{name} has shape {targets.shape}; it must have one entry, or one row, for each of the {num_rows} rows")
    return finite_matrix(targets.reshape(num_rows, -1), name).reshape(targets.shape)


def root_weights(weights: Any, num_rows: int, name: str = "weights") -> np.ndarray:
    """(n, 1) square roots of weights, by which rows are multiplied; UserError unless all are above 0."""
    found = np.asarray(weights, dtype=np.float64)
    if found.shape != (num_rows,) or not np.isfinite(found).all() or not np.all(found > 0):
        least = found.min() if found.size else None
        raise UserError(
            f"{name} has shape {found.shape} and least value {least}; give {num_rows} numbers above 0, and leave out rows of weight 0"
        )
    return np.sqrt(found)[:, None]


def dependent_columns(matrix: np.ndarray) -> list[int]:
    """Columns of (n, d) that are combinations of others, up to rounding; without them the rank is full. By QR with pivoting on columns
    scaled to length 1, so that units do not matter.

    >>> dependent_columns(np.array([[1.0, 2.0, 0.0], [1.0, 2.0, 0.0], [0.0, 0.0, 0.0]]))
    [1, 2]
    """
    num_rows = len(matrix)
    if num_rows > matrix.shape[1]:  # reduced first, since pivoting is slow
        matrix = qr(matrix, mode="r", check_finite=False)[0][: matrix.shape[1]]
    lengths = np.linalg.norm(matrix, axis=0)
    unit = matrix / np.where(lengths > 0, lengths, 1.0)
    triangle, order = qr(unit, mode="r", pivoting=True, check_finite=False)
    sizes = np.abs(np.diagonal(triangle))
    independent = sizes > max(_LENGTH, num_rows, matrix.shape[1]) * np.finfo(float).eps * max(1.0, sizes[0])
    return sorted({*range(matrix.shape[1])} - {int(column) for column in order[: len(sizes)][independent]})


def demand_full_rank(matrix: np.ndarray, owner: str, remedy: str, names: Sequence[str] | None = None) -> None:
    """DependentColumnsError naming columns that are combinations of others, the first ten of them."""
    num_rows, num_columns = matrix.shape
    if num_rows < num_columns:
        raise UserError(f"{owner}: {num_rows} rows do not determine {num_columns} coefficients; give more rows, or {remedy}")
    dependent = dependent_columns(matrix)
    if dependent:
        called = [str(names[column]) if names is not None else column for column in dependent[:10]]
        more = f" and {len(dependent) - 10} more" if len(dependent) > 10 else ""
        raise DependentColumnsError(
            f"{owner}: columns {called}{more} are zero or combinations of other columns (up to rounding), so the coefficients are not "
            f"determined; leave them out, or {remedy}",
            matrix,
        )
