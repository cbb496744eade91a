"""Predictive distributions of n numbers: histograms, and masses on points. Intervals, quantiles and draws are computed from them."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from foretell.errors import UserError


class PredictiveDistribution(ABC):
    """Abstract: n distributions over the real line, one for each row of X, in the units of y. Results are float64 with n rows."""

    @abstractmethod
    def __len__(self) -> int:
        """The number of distributions, n."""

    @abstractmethod
    def mean(self) -> np.ndarray:
        """(n,): the means."""

    @abstractmethod
    def mode(self) -> np.ndarray:
        """(n,): where the density or mass is highest."""

    @abstractmethod
    def quantile(self, q: float | np.ndarray) -> np.ndarray:
        """Quantiles at the levels q: (n,) for a number, (n, len(q)) for several. UserError for levels outside 0 to 1."""

    @abstractmethod
    def sample(self, n_samples: int, rng: np.random.RandomState) -> np.ndarray:
        """(n, n_samples) independent draws."""

    @abstractmethod
    def log_density(self, y: np.ndarray) -> np.ndarray:
        """(n,): the log-density of y[i] in distribution i, or its log-mass where masses lie on points; -inf outside the support. y: (n,),
        without NaN."""

    def median(self) -> np.ndarray:
        """(n,): the medians."""
        return self.quantile(0.5)

    def interval(self, coverage: float) -> np.ndarray:
        """(n, 2): lower and upper end of the central interval with this share of the mass. UserError unless 0 < coverage < 1."""
        if not 0 < coverage < 1:
            raise UserError(f"coverage={coverage!r} must lie between 0 and 1, for example 0.9")
        return self.quantile(np.array([(1 - coverage) / 2, (1 + coverage) / 2]))


def _levels(q: float | np.ndarray) -> np.ndarray:
    levels = np.atleast_1d(np.asarray(q, dtype=float))
    if levels.ndim != 1 or not np.all((levels >= 0) & (levels <= 1)):  # NaN fails too
        raise UserError(f"q={q!r} must be a number between 0 and 1, or a list of such")
    return levels


def _checked(masses: np.ndarray, width: int) -> np.ndarray:
    masses = np.asarray(masses, dtype=float)
    if masses.ndim != 2 or masses.shape[1] != width:
        raise UserError(f"masses have shape {masses.shape}, but must have {width} columns, one row for each distribution")
    total = masses.sum(axis=1, keepdims=True)
    bad = np.flatnonzero(~((masses >= 0).all(axis=1) & np.isfinite(total[:, 0]) & (total[:, 0] > 0)))  # NaN fails too
    if len(bad):
        raise UserError(f"masses of row {bad[0]} must be finite, 0 or above, and not all 0, but are {masses[bad[0]]}")
    return masses / total


def _reached(masses: np.ndarray) -> np.ndarray:
    """The distribution function at each point, (n, m): exactly 1 from the last mass on, whatever the rounding of sums."""
    sums = np.cumsum(masses, axis=1)
    return sums / sums[:, -1:]


def _truths(y: np.ndarray, num: int) -> np.ndarray:
    y = np.asarray(y, dtype=float)
    if y.shape != (num,) or np.isnan(y).any():
        raise UserError(f"y has shape {y.shape}, but must hold one number for each of the {num} distributions, without NaN")
    return y


class Histogram(PredictiveDistribution):
    """Masses on bins, spread evenly inside each bin.

    edges: (m + 1,), increasing, in the units of y. masses: (n, m), 0 or above; each row is normalised. Errors: UserError for edges that do
    not increase, and for masses that are negative, not finite or all 0.

    >>> distribution = Histogram(np.array([0.0, 1.0, 3.0]), np.array([[0.5, 0.5]]))
    >>> distribution.mean().tolist(), distribution.quantile(np.array([0.25, 0.75])).tolist()
    ([1.25], [[0.5, 2.0]])
    """

    def __init__(self, edges: np.ndarray, masses: np.ndarray) -> None:
        self.edges = np.asarray(edges, dtype=float)
        if self.edges.ndim != 1 or len(self.edges) < 2 or not np.isfinite(self.edges).all() or not np.all(np.diff(self.edges) > 0):
            raise UserError(f"edges={edges!r} must be two or more finite, increasing numbers")
        self.masses = _checked(masses, len(self.edges) - 1)

    def __len__(self) -> int:
        return len(self.masses)

    @property
    def centres(self) -> np.ndarray:
        """(m,): the middle of each bin."""
        return (self.edges[:-1] + self.edges[1:]) / 2

    @property
    def widths(self) -> np.ndarray:
        """(m,): the width of each bin."""
        return np.diff(self.edges)

    def _at_edges(self) -> np.ndarray:
        """The distribution function at each edge, (n, m + 1)."""
        return np.concatenate([np.zeros((len(self), 1)), _reached(self.masses)], axis=1)

    def mean(self) -> np.ndarray:
        return self.masses @ self.centres

    def mode(self) -> np.ndarray:
        """The centre of the bin with the highest density."""
        return self.centres[np.argmax(self.masses / self.widths, axis=1)]

    def quantile(self, q: float | np.ndarray) -> np.ndarray:
        levels = _levels(q)
        found = np.stack([_inverse(self.edges, row, levels) for row in self._at_edges()])
        return found[:, 0] if np.ndim(q) == 0 else found

    def sample(self, n_samples: int, rng: np.random.RandomState) -> np.ndarray:
        levels = rng.uniform(size=(len(self), n_samples))
        return np.stack([_inverse(self.edges, row, level) for row, level in zip(self._at_edges(), levels, strict=True)])

    def log_density(self, y: np.ndarray) -> np.ndarray:
        y = _truths(y, len(self))
        inside = (y >= self.edges[0]) & (y <= self.edges[-1])
        bins = np.clip(np.searchsorted(self.edges, y, side="right") - 1, 0, len(self.edges) - 2)
        with np.errstate(divide="ignore"):
            found = np.log(self.masses[np.arange(len(self)), bins]) - np.log(self.widths[bins])
        return np.where(inside, found, -np.inf)


def _inverse(edges: np.ndarray, reached: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Where the piecewise linear distribution function equals `levels`. On flat stretches this is the left end; at level 0 it is the start
    of the first mass."""
    right = np.clip(np.searchsorted(reached, levels, side="left"), 1, len(edges) - 1)
    right = np.maximum(right, np.searchsorted(reached, 0.0, side="right"))
    low, high = reached[right - 1], reached[right]
    share = np.where(high > low, (levels - low) / np.where(high > low, high - low, 1.0), 0.0)
    inside = edges[right - 1] + share * (edges[right] - edges[right - 1])
    return np.where(share >= 1, edges[right], inside)  # exactly the edge, without rounding


class PointMasses(PredictiveDistribution):
    """Masses on points.

    values: (m,), increasing, the same for all rows. masses: (n, m), 0 or above; each row is normalised. A quantile is the least value at
    which the cumulative mass reaches q. `log_density` is a log-mass, -inf off the values. Errors: as `Histogram`.

    >>> distribution = PointMasses(np.array([1.0, 2.0, 5.0]), np.array([[0.2, 0.5, 0.3]]))
    >>> distribution.mean().round(6).tolist(), distribution.median().tolist(), distribution.mode().tolist()
    ([2.7], [2.0], [2.0])
    """

    def __init__(self, values: np.ndarray, masses: np.ndarray) -> None:
        self.values = np.asarray(values, dtype=float)
        if self.values.ndim != 1 or not len(self.values) or not np.isfinite(self.values).all() or not np.all(np.diff(self.values) > 0):
            raise UserError(f"values={values!r} must be finite, increasing numbers, at least one")
        self.masses = _checked(masses, len(self.values))

    def __len__(self) -> int:
        return len(self.masses)

    def mean(self) -> np.ndarray:
        return self.masses @ self.values

    def mode(self) -> np.ndarray:
        return self.values[np.argmax(self.masses, axis=1)]

    def quantile(self, q: float | np.ndarray) -> np.ndarray:
        levels = _levels(q)
        slack = 1e-12  # sums of masses are not exact
        places = np.stack([np.searchsorted(row + slack, levels, side="left") for row in _reached(self.masses)])
        first = np.argmax(self.masses > 0, axis=1)[:, None]
        last = len(self.values) - 1 - np.argmax(self.masses[:, ::-1] > 0, axis=1)[:, None]
        found = self.values[np.clip(places, first, last)]
        return found[:, 0] if np.ndim(q) == 0 else found

    def sample(self, n_samples: int, rng: np.random.RandomState) -> np.ndarray:
        return np.stack([rng.choice(self.values, size=n_samples, p=row) for row in self.masses])

    def log_density(self, y: np.ndarray) -> np.ndarray:
        y = _truths(y, len(self))
        places = np.clip(np.searchsorted(self.values, y), 0, len(self.values) - 1)
        with np.errstate(divide="ignore"):
            return np.where(self.values[places] == y, np.log(self.masses[np.arange(len(self)), places]), -np.inf)
