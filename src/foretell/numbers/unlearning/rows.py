"""Which rows are to be forgotten, and which were trained on."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from foretell.errors import UserError


def forget_mask(forget: Any, num_rows: int) -> np.ndarray:
    """(num_rows,) bool from a mask or from row numbers; UserError where it is neither, or selects no row or all rows.

    >>> forget_mask([0, 2], 4).tolist()
    [True, False, True, False]
    """
    given = np.asarray(forget)
    if given.ndim != 1:
        raise UserError(f"forget has shape {given.shape}; give a boolean mask of {num_rows} rows, or a list of row numbers")
    if given.dtype == bool:
        if len(given) != num_rows:
            raise UserError(f"forget is a mask of {len(given)} rows, but there are {num_rows} training rows")
        mask = given.copy()
    elif len(given) == 0:
        mask = np.zeros(num_rows, dtype=bool)
    elif not np.issubdtype(given.dtype, np.integer):
        raise UserError(f"forget has entries of type {given.dtype}; give a boolean mask (mask.astype(bool)), or whole row numbers")
    elif num_rows > 2 and len(given) == num_rows and set(given.tolist()) <= {0, 1}:
        raise UserError("forget has a 0 or 1 for each row: as a mask it must be boolean (forget.astype(bool))")
    elif given.min() < 0 or given.max() >= num_rows:
        raise UserError(f"forget has the row numbers {given.min()} to {given.max()}; rows are counted from 0 to {num_rows - 1}")
    else:
        mask = np.zeros(num_rows, dtype=bool)
        mask[given] = True
    if not mask.any():
        raise UserError("forget names no row; there is nothing to unlearn")
    if mask.all():
        raise UserError(
            "forget names all rows, but methods train on those that stay: pass all training rows as X and y, or delete the model"
        )
    return mask


def fingerprints(X: Any, y: Any) -> np.ndarray:  # noqa: N803
    """(n,) integers, one a row, equal for equal rows: to be kept by whoever fits, apart from the model."""
    rows = np.column_stack([np.asarray(X, dtype=np.float64), np.asarray(y, dtype=np.float64)])
    return np.array([int.from_bytes(hashlib.blake2b(row.tobytes(), digest_size=8).digest(), "big") for row in rows], dtype=np.uint64)
