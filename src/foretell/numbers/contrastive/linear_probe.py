"""`LinearProbe`: the regressor by which a representation is judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import QuantileRegressor
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted


@dataclass(eq=False, repr=False)
class LinearProbe(RegressorMixin, BaseEstimator):
    """A linear map with the least absolute error on standardised columns and targets, exact by linear programming: some seconds for
    thousands of rows.

    alpha: weight of the sum of the absolute coefficients, which makes them sparse.

    >>> X = np.arange(20.0)[:, None]
    >>> LinearProbe(alpha=1e-6).fit(X, 3 * X[:, 0] + 1).predict([[30.0]]).round(3).tolist()
    [91.0]
    """

    alpha: float = 0.01

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> LinearProbe:  # noqa: N803
        """X: (n, d). y: (n,). sample_weight: (n,), of the errors."""
        self.scaler_ = StandardScaler().fit(X)
        linear = QuantileRegressor(quantile=0.5, alpha=self.alpha)
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        self.linear_ = TransformedTargetRegressor(linear, transformer=StandardScaler()).fit(self.scaler_.transform(X), y, **weights)
        return self

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """(n,) point predictions."""
        check_is_fitted(self, "linear_")
        return self.linear_.predict(self.scaler_.transform(X))
