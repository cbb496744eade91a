"""`OrthoTrans`: the eigenbasis of the temporal correlation of the data."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from foretell.errors import UserError
from foretell.numbers.forecasting.bases.base import Basis
from foretell.numbers.forecasting.windows import windows

#: Series whose steps vary less than this over all windows, relative to the series' variance, are left out.
LEAST_VARIANCE = 1e-4


@dataclass(eq=False, repr=False)
class OrthoTrans(Basis):
    """Eigenvectors of the correlation between the steps of a window, averaged over series, the largest eigenvalue first: the components of
    transformed windows are uncorrelated over the training rows. Fitted once, without gradients; all series share one basis.

    Errors: UserError where all series are constant. A warning where there are fewer windows than steps: the correlation then lacks rank,
    and the last vectors complete the basis arbitrarily.

    Yue et al., "OLinear: A Linear Model for Time Series Forecasting in Orthogonally Transformed Domain", section 3.2. Departures: a
    symmetric Pearson correlation; signs are fixed (the first entry of at least half the largest size is positive), so that the same data
    give the same basis.

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
                f"OrthoTrans: {num} windows are fewer than their {length} steps, so their correlation lacks rank; give more rows, "
                f"shorter windows or basis=DCT()",
                stacklevel=2,
            )
        values, vectors = np.linalg.eigh(temporal_correlation(rows, length))
        found = vectors[:, np.argsort(-values, kind="stable")].T
        large = np.abs(found) >= 0.5 * np.abs(found).max(axis=1, keepdims=True)
        first = found[np.arange(length), np.argmax(large, axis=1)]
        return found * np.sign(first)[:, None]


def temporal_correlation(rows: np.ndarray, length: int) -> np.ndarray:
    """(length, length) correlation between the steps of a window over all windows of rows (T, N), averaged over the series that vary."""
    spread = rows.std(axis=0)
    found = []
    for column in np.flatnonzero(spread > 1e-12 * np.maximum(1.0, np.abs(rows).max(axis=0))):
        steps = windows(rows[:, column : column + 1] / spread[column], length)[:, :, 0].T
        if len(steps[0]) > 1 and steps.var(axis=1).min() >= LEAST_VARIANCE:
            found.append(np.atleast_2d(np.corrcoef(steps)))
    if not found:
        raise UserError(
            f"OrthoTrans: none of the {rows.shape[1]} series varies over the windows of {length} steps, so there is no correlation; "
            "give series that vary, or basis=IdentityBasis()"
        )
    mean = np.mean(found, axis=0)
    return (mean + mean.T) / 2
