"""`DistributionalMixin`: quantiles, intervals, draws and densities for estimators that predict whole distributions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from foretell.errors import UserError
from foretell.numbers.distributions import PredictiveDistribution


class DistributionalMixin(ABC):
    """Abstract: an estimator that implements `predict_distribution` gets the other methods from it. Where y had k columns, results have the
    shape (n, k, ...)."""

    @abstractmethod
    def predict_distribution(self, X: Any) -> PredictiveDistribution:  # noqa: N803
        """The predictive distribution of each row, in the units of y. X: as in `fit`."""

    def predict_quantile(self, X: Any, q: float | np.ndarray = 0.5) -> np.ndarray:  # noqa: N803
        """Quantiles at the levels q: (n,) for one level, (n, len(q)) for several levels between 0 and 1."""
        return self.predict_distribution(X).quantile(q)

    def predict_interval(self, X: Any, coverage: float = 0.9) -> np.ndarray:  # noqa: N803
        """(n, 2): lower and upper end of the central interval, which has the share `coverage` of the *predicted* distribution. For
        intervals that cover this share of true values, wrap the estimator in `ConformalRegressor`."""
        return self.predict_distribution(X).interval(coverage)

    def sample(self, X: Any, n_samples: int = 1, random_state: Any = None) -> np.ndarray:  # noqa: N803
        """(n, n_samples) independent draws from the predicted distributions. random_state: an int gives the same draws again."""
        if n_samples < 1:
            raise UserError(f"n_samples={n_samples!r} must be at least 1")
        return self.predict_distribution(X).sample(n_samples, check_random_state(random_state))

    def log_density(self, X: Any, y: Any) -> np.ndarray:  # noqa: N803
        """(n,): the log-density of each true value (n,), or its log-mass where masses lie on points."""
        return self.predict_distribution(X).log_density(np.asarray(y, dtype=float))
