"""`ColumnDistributions`: predictive distributions of several targets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from foretell.errors import UserError
from foretell.numbers.distributions import PredictiveDistribution


class ColumnDistributions(PredictiveDistribution):
    """The marginal distributions of k numbers in each of n rows. Results have the shape (n, k, ...): means (n, k), several quantiles
    (n, k, levels), draws (n, k, n_samples), which are independent from column to column, cdf, CRPS and log-densities (n, k).

    columns: k distributions of n rows each; true values y are (n, k).

    >>> from foretell.numbers.distributions import PointMasses
    >>> one, other = (PointMasses(np.array([0.0, top]), np.array([[0.5, 0.5]])) for top in (1.0, 10.0))
    >>> ColumnDistributions([one, other]).mean().tolist()
    [[0.5, 5.0]]
    """

    def __init__(self, columns: Sequence[PredictiveDistribution]) -> None:
        self.columns = list(columns)
        if not self.columns or len({len(each) for each in self.columns}) > 1:
            raise UserError(f"columns have {[len(each) for each in self.columns]} rows; give one distribution or more, with the same rows")

    def __len__(self) -> int:
        return len(self.columns[0])

    def mean(self) -> np.ndarray:
        return np.stack([each.mean() for each in self.columns], axis=1)

    def std(self) -> np.ndarray:
        return np.stack([each.std() for each in self.columns], axis=1)

    def mode(self) -> np.ndarray:
        return np.stack([each.mode() for each in self.columns], axis=1)

    def quantile(self, q: float | np.ndarray) -> np.ndarray:
        return np.stack([each.quantile(q) for each in self.columns], axis=1)

    def sample(self, n_samples: int, rng: np.random.RandomState) -> np.ndarray:
        return np.stack([each.sample(n_samples, rng) for each in self.columns], axis=1)

    def cdf(self, y: np.ndarray) -> np.ndarray:
        return self._of_truths("cdf", y)

    def crps(self, y: np.ndarray) -> np.ndarray:
        return self._of_truths("crps", y)

    def log_density(self, y: np.ndarray) -> np.ndarray:
        return self._of_truths("log_density", y)

    def _of_truths(self, what: str, y: np.ndarray) -> np.ndarray:
        """(n, k): what each column's distributions say of the true values y (n, k)."""
        y = np.asarray(y, dtype=float)
        if y.shape != (len(self), len(self.columns)):
            raise UserError(f"y has the shape {y.shape}, but there are {len(self)} rows of {len(self.columns)} numbers")
        return np.stack([getattr(each, what)(column) for each, column in zip(self.columns, y.T, strict=True)], axis=1)
