"""`Shifted`: distributions moved by a number in each row."""

from __future__ import annotations

import numpy as np

from foretell.errors import UserError
from foretell.numbers.distributions import PredictiveDistribution


class Shifted(PredictiveDistribution):
    """The distribution of shift[i] + Z, where Z has distribution i. shift: (n,), in the units of y. UserError for another shape.

    >>> from foretell.numbers.distributions import PointMasses
    >>> Shifted(PointMasses(np.array([0.0, 1.0]), np.array([[0.5, 0.5]])), np.array([10.0])).mean().tolist()
    [10.5]
    """

    def __init__(self, distribution: PredictiveDistribution, shift: np.ndarray) -> None:
        self.distribution, self.shift = distribution, np.asarray(shift, dtype=float)
        if self.shift.shape != (len(distribution),):
            raise UserError(f"shift has shape {self.shift.shape}, but there are {len(distribution)} distributions: give one number each")

    def __len__(self) -> int:
        return len(self.distribution)

    def mean(self) -> np.ndarray:
        return self.distribution.mean() + self.shift

    def std(self) -> np.ndarray:
        return self.distribution.std()

    def mode(self) -> np.ndarray:
        return self.distribution.mode() + self.shift

    def quantile(self, q: float | np.ndarray) -> np.ndarray:
        found = self.distribution.quantile(q)
        return found + (self.shift if found.ndim == 1 else self.shift[:, None])

    def sample(self, n_samples: int, rng: np.random.RandomState) -> np.ndarray:
        return self.distribution.sample(n_samples, rng) + self.shift[:, None]

    def log_density(self, y: np.ndarray) -> np.ndarray:
        return self.distribution.log_density(np.asarray(y, dtype=float) - self.shift)

    def cdf(self, y: np.ndarray) -> np.ndarray:
        return self.distribution.cdf(np.asarray(y, dtype=float) - self.shift)

    def crps(self, y: np.ndarray) -> np.ndarray:
        return self.distribution.crps(np.asarray(y, dtype=float) - self.shift)
