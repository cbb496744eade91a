"""`PredictiveDistribution`: what everything that says a number returns."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from foretell.errors import UserError


class PredictiveDistribution(ABC):
    """Abstract: n distributions over the real line, one for each row of X or each step ahead, in the units of y. Results are float64 with
    n rows; y is (n,), without NaN.

    >>> from foretell.numbers.distributions import Histogram
    >>> said = Histogram(np.array([0.0, 1.0, 3.0]), np.array([[0.5, 0.5]]))
    >>> said.mean().tolist(), said.cdf(np.array([2.0])).tolist(), said.crps(np.array([1.0])).round(3).tolist()
    ([1.25], [0.75], [0.25])
    """

    @abstractmethod
    def __len__(self) -> int:
        """The number of distributions, n."""

    @abstractmethod
    def mean(self) -> np.ndarray:
        """(n,): the means."""

    @abstractmethod
    def std(self) -> np.ndarray:
        """(n,): the standard deviations."""

    @abstractmethod
    def mode(self) -> np.ndarray:
        """(n,): where the density or mass is highest."""

    @abstractmethod
    def quantile(self, q: float | np.ndarray) -> np.ndarray:
        """Quantiles at the levels q: (n,) for a number, (n, len(q)) for several. UserError for levels outside 0 to 1."""

    @abstractmethod
    def cdf(self, y: np.ndarray) -> np.ndarray:
        """(n,): the probability of a number of at most y[i] in distribution i."""

    @abstractmethod
    def sample(self, n_samples: int, rng: np.random.RandomState) -> np.ndarray:
        """(n, n_samples) independent draws."""

    @abstractmethod
    def log_density(self, y: np.ndarray) -> np.ndarray:
        """(n,): the log-density of y[i] in distribution i, or its log-mass where masses lie on points; -inf outside the support."""

    @abstractmethod
    def crps(self, y: np.ndarray) -> np.ndarray:
        """(n,): the continuous ranked probability score of true values, in the units of y, exact: the integral over x of the squared
        difference of cdf(x) and [x >= y]. Lower is better; of a single point it is the absolute error."""

    def density(self, y: np.ndarray) -> np.ndarray:
        """(n,): the density at y[i], or the mass on it where masses lie on points."""
        return np.exp(self.log_density(y))

    def nll(self, y: np.ndarray) -> np.ndarray:
        """(n,): the negative log-likelihood of true values, also called the log score; lower is better."""
        return -self.log_density(y)

    def median(self) -> np.ndarray:
        """(n,): the medians."""
        return self.quantile(0.5)

    def interval(self, coverage: float) -> np.ndarray:
        """(n, 2): lower and upper end of the central interval with this share of the mass. UserError unless 0 < coverage < 1."""
        if not 0 < coverage < 1:
            raise UserError(f"coverage={coverage!r} must lie between 0 and 1, for example 0.9")
        return self.quantile(np.array([(1 - coverage) / 2, (1 + coverage) / 2]))


def levels_of(q: float | np.ndarray) -> np.ndarray:
    """Checked levels (m,); UserError outside 0 to 1."""
    levels = np.atleast_1d(np.asarray(q, dtype=float))
    if levels.ndim != 1 or not np.all((levels >= 0) & (levels <= 1)):  # NaN fails too
        raise UserError(f"q={q!r} must be a number between 0 and 1, or a list of such")
    return levels


def truths_of(y: np.ndarray, num: int) -> np.ndarray:
    """Checked true values (num,); UserError for another shape and for NaN."""
    y = np.asarray(y, dtype=float)
    if y.shape != (num,) or np.isnan(y).any():
        raise UserError(f"y has shape {y.shape}, but must hold one number for each of the {num} distributions, without NaN")
    return y
