"""OrthoTrans: the eigenbasis of the data's own temporal correlation."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from foretell.errors import UserError
from foretell.numbers.forecasting.bases.base import Basis
from foretell.numbers.forecasting.windows import windows

#: Least variance of a step over all windows, in units of the series' variance, for the series to have a say.
LEAST_VARIANCE = 1e-4


@dataclass(eq=False, repr=False)
class OrthoTrans(Basis):
    """Eigenvectors of the correlation between the steps of a window, averaged over series, the largest eigenvalue first: a rotated
    window's numbers are uncorrelated over the training rows. Fitted once, without gradients; one basis is shared by all series.

    Errors: all series constant. Warns where there are fewer windows than steps (the correlation then lacks rank, and the last
    vectors are any that complete the basis).

    Yue et al., "OLinear: A Linear Model for Time Series Forecasting in Orthogonally Transformed Domain", section 3.2. Departures:
    a true (Pearson, symmetric) correlation; signs are fixed (the first entry that is at least half as large as the largest is
    positive), so that the same data give the same basis.

    >>> rows = np.sin(np.arange(50.0))[:, None]
    >>> q = OrthoTrans().fit(rows, 8)
    >>> bool(np.allclose(q @ q.T, np.eye(8)))
    True
    """

    papers = ("olinear",)

    def fit(self, rows: np.ndarray, length: int) -> np.ndarray:
        num = len(rows) - length + 1
        if num < length:
            warnings.warn(
                f"OrthoTrans: {num} windows are fewer than their {length} steps, so that their correlation lacks rank; give more rows, "
                f"shorter windows or basis=DCT()",
                stacklevel=2,
            )
        values, vectors = np.linalg.eigh(temporal_correlation(rows, length))
        found = vectors[:, np.argsort(-values, kind="stable")].T
        large = np.abs(found) >= 0.5 * np.abs(found).max(axis=1, keepdims=True)
        first = found[np.arange(length), np.argmax(large, axis=1)]
        return found * np.sign(first)[:, None]


def temporal_correlation(rows: np.ndarray, length: int) -> np.ndarray:
    """(length, length): how the steps of a window go together over all windows of rows (T, N), averaged over the series that vary."""
    spread = rows.std(axis=0)
    found = []
    for column in np.flatnonzero(spread > 1e-12 * np.maximum(1.0, np.abs(rows).max(axis=0))):
        steps = windows(rows[:, column : column + 1] / spread[column], length)[:, :, 0].T
        if len(steps[0]) > 1 and steps.var(axis=1).min() >= LEAST_VARIANCE:
            found.append(np.atleast_2d(np.corrcoef(steps)))
    if not found:
        raise UserError(
            f"OrthoTrans: none of the {rows.shape[1]} series varies over the windows of {length} steps, so that there is no correlation; "
            "give series that vary, or basis=Identity()"
        )
    mean = np.mean(found, axis=0)
    return (mean + mean.T) / 2
