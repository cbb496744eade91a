"""`DistributionalMixin`: quantiles, intervals, draws and densities, for every estimator that knows the whole law of a number."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from foretell.errors import UserError
from foretell.numbers.distributions import PredictiveDistribution


class DistributionalMixin(ABC):
    """Abstract: a class gives `predict_distribution` and has the rest."""

    @abstractmethod
    def predict_distribution(self, X: Any) -> PredictiveDistribution:  # noqa: N803
        """The law of each row's number."""

    def predict_quantile(self, X: Any, q: float | np.ndarray = 0.5) -> np.ndarray:  # noqa: N803
        """(n,) for one level, (n, len(q)) for several levels between 0 and 1."""
        return self.predict_distribution(X).quantile(q)

    def predict_interval(self, X: Any, coverage: float = 0.9) -> np.ndarray:  # noqa: N803
        """(n, 2): the lower and upper end of the central interval. It holds `coverage` of the *predicted* law; wrap the estimator in
        `ConformalRegressor` for intervals that hold so many true values."""
        return self.predict_distribution(X).interval(coverage)

    def sample(self, X: Any, n_samples: int = 1, random_state: Any = None) -> np.ndarray:  # noqa: N803
        """(n, n_samples) draws from the predicted laws."""
        if n_samples < 1:
            raise UserError(f"n_samples={n_samples!r} must be at least 1")
        return self.predict_distribution(X).sample(n_samples, check_random_state(random_state))

    def log_density(self, X: Any, y: Any) -> np.ndarray:  # noqa: N803
        """(n,): how probable each true value was, as a log-density (a log-mass where laws are masses on numbers)."""
        return self.predict_distribution(X).log_density(np.asarray(y, dtype=float))
