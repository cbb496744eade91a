"""The linear part of a regression, subtracted before a network learns the residuals."""

from __future__ import annotations

import numpy as np

from foretell.numbers.level import Level


def linear_part(X: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:  # noqa: N803
    """Slopes (d,) of a ridge regression whose penalty is chosen by leave-one-out error, and residuals (n,) of the targets with the
    intercept left in. X: (n, d). y, sample_weight: (n,).

    Each residual comes from a fit without its own row, so that residuals are as large as those of new rows; in-sample residuals would be
    smaller.

    >>> X = np.arange(10.0)[:, None]
    >>> slopes, rest = linear_part(X, 2 * X[:, 0] + 1)
    >>> slopes.round(2).tolist(), bool(np.abs(rest - 1).max() < 0.1)
    ([2.0], True)
    """
    from sklearn.linear_model import RidgeCV

    # With `scoring`, RidgeCV keeps the left-out predictions and not the squares of their errors.
    ridge = RidgeCV(alphas=np.logspace(-3, 4, 15), scoring="neg_mean_squared_error", store_cv_results=True)
    counts = np.ones(len(y), dtype=bool) if sample_weight is None else sample_weight > 0
    level, inside = Level.of(y, sample_weight)  # so that neither squares nor float32 lose digits
    ridge.fit(X[counts], inside[counts], sample_weight=None if sample_weight is None else sample_weight[counts])
    left_out = ridge.predict(X)  # right for rows that count nothing
    left_out[counts] = ridge.cv_results_.reshape(counts.sum(), -1)[:, int(np.argmin(np.abs(ridge.alphas - ridge.alpha_)))]
    rest = inside - left_out + ridge.intercept_
    return level.scale * np.asarray(ridge.coef_, dtype=float), level.back(rest)
