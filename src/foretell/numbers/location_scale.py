"""`LocationScale`: one distribution, moved and stretched for each row."""

from __future__ import annotations

import numpy as np

from foretell.errors import UserError
from foretell.numbers.distributions import Histogram
from foretell.numbers.predictive_distribution import PredictiveDistribution, truths_of


class LocationScale(PredictiveDistribution):
    """The distribution of centre[i] + scale[i] * Z, where Z is one histogram for all rows.

    errors: the histogram of Z, of one row. centre, scale: (n,), scale above 0. UserError for other shapes.

    >>> found = LocationScale(Histogram(np.array([-1.0, 1.0]), np.ones((1, 1))), np.array([10.0, 20.0]), np.array([1.0, 5.0]))
    >>> found.interval(0.5).tolist()
    [[9.5, 10.5], [17.5, 22.5]]
    """

    def __init__(self, errors: Histogram, centre: np.ndarray, scale: np.ndarray) -> None:
        self.errors, self.centre, self.scale = errors, np.asarray(centre, dtype=float), np.asarray(scale, dtype=float)
        if len(errors) != 1 or self.centre.shape != self.scale.shape or self.centre.ndim != 1 or not (self.scale > 0).all():
            raise UserError("errors must be one distribution, centre and scale (n,) numbers, with scale above 0")

    def __len__(self) -> int:
        return len(self.centre)

    def mean(self) -> np.ndarray:
        return self.centre + self.scale * self.errors.mean()[0]

    def mode(self) -> np.ndarray:
        return self.centre + self.scale * self.errors.mode()[0]

    def quantile(self, q: float | np.ndarray) -> np.ndarray:
        found = self.errors.quantile(q)[0]
        return self.centre + self.scale * found if np.ndim(q) == 0 else self.centre[:, None] + self.scale[:, None] * found

    def sample(self, n_samples: int, rng: np.random.RandomState) -> np.ndarray:
        drawn = self.errors.sample(len(self) * n_samples, rng).reshape(len(self), n_samples)
        return self.centre[:, None] + self.scale[:, None] * drawn

    def std(self) -> np.ndarray:
        return self.scale * self.errors.std()[0]

    def cdf(self, y: np.ndarray) -> np.ndarray:
        return self._each().cdf(self._places(y))

    def crps(self, y: np.ndarray) -> np.ndarray:
        return self.scale * self._each().crps(self._places(y))

    def log_density(self, y: np.ndarray) -> np.ndarray:
        return self._each().log_density(self._places(y)) - np.log(self.scale)

    def _places(self, y: np.ndarray) -> np.ndarray:
        """True values (n,) in errors."""
        return (truths_of(y, len(self)) - self.centre) / self.scale

    def _each(self) -> Histogram:
        """The errors, once for each row."""
        return Histogram(self.errors.edges, np.repeat(self.errors.masses, len(self), axis=0))
