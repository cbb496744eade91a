"""Predictive distributions of n numbers: histograms, and masses on points."""

from __future__ import annotations

import numpy as np

from foretell.errors import UserError
from foretell.numbers.predictive_distribution import PredictiveDistribution, levels_of, truths_of

__all__ = ["Histogram", "PointMasses", "PredictiveDistribution"]


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

    def std(self) -> np.ndarray:
        around = (self.centres - self.mean()[:, None]) ** 2 + self.widths**2 / 12
        return np.sqrt((self.masses * around).sum(axis=1))

    def mode(self) -> np.ndarray:
        """The centre of the bin with the highest density."""
        return self.centres[np.argmax(self.masses / self.widths, axis=1)]

    def quantile(self, q: float | np.ndarray) -> np.ndarray:
        levels = levels_of(q)
        found = np.stack([_inverse(self.edges, row, levels) for row in self._at_edges()])
        return found[:, 0] if np.ndim(q) == 0 else found

    def sample(self, n_samples: int, rng: np.random.RandomState) -> np.ndarray:
        levels = rng.uniform(size=(len(self), n_samples))
        return np.stack([_inverse(self.edges, row, level) for row, level in zip(self._at_edges(), levels, strict=True)])

    def cdf(self, y: np.ndarray) -> np.ndarray:
        y = truths_of(y, len(self))
        return np.array([np.interp(one, self.edges, row) for one, row in zip(y, self._at_edges(), strict=True)])

    def crps(self, y: np.ndarray) -> np.ndarray:
        y = truths_of(y, len(self))
        reached, at = self._at_edges(), self.cdf(y)[:, None]
        low, high = self.edges[:-1], self.edges[1:]
        below = np.clip(y[:, None], low, high)  # where each bin is cut by y
        cut = np.clip(at, reached[:, :-1], reached[:, 1:])  # the distribution function there
        left = (below - low) * _mean_square(reached[:, :-1], cut)
        right = (high - below) * _mean_square(1 - cut, 1 - reached[:, 1:])
        return (left + right).sum(axis=1) + np.maximum(y - self.edges[-1], 0) + np.maximum(self.edges[0] - y, 0)

    def log_density(self, y: np.ndarray) -> np.ndarray:
        y = truths_of(y, len(self))
        inside = (y >= self.edges[0]) & (y <= self.edges[-1])
        bins = np.clip(np.searchsorted(self.edges, y, side="right") - 1, 0, len(self.edges) - 2)
        with np.errstate(divide="ignore"):
            found = np.log(self.masses[np.arange(len(self)), bins]) - np.log(self.widths[bins])
        return np.where(inside, found, -np.inf)


def _mean_square(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The mean square of what rises linearly from `start` to `end`."""
    return (start**2 + start * end + end**2) / 3


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

    values: (m,), increasing, the same for all rows, or (n, m), each row sorted. masses: (n, m), 0 or above; each row is normalised. A
    quantile is the least value at which the cumulative mass reaches q. `log_density` is a log-mass, -inf off the values. Errors: as
    `Histogram`.

    >>> distribution = PointMasses(np.array([1.0, 2.0, 5.0]), np.array([[0.2, 0.5, 0.3]]))
    >>> distribution.mean().round(6).tolist(), distribution.median().tolist(), distribution.mode().tolist()
    ([2.7], [2.0], [2.0])
    """

    def __init__(self, values: np.ndarray, masses: np.ndarray) -> None:
        self.values = np.asarray(values, dtype=float)
        steps, finite = np.diff(self.values), np.isfinite(self.values).all()
        if (
            self.values.ndim not in (1, 2)
            or not self.values.size
            or not finite
            or not np.all(steps > 0 if self.values.ndim == 1 else steps >= 0)
        ):
            raise UserError(f"values={values!r} must be finite, increasing numbers, at least one")
        self.masses = _checked(masses, self.values.shape[-1])
        if self.values.ndim == 2 and len(self.values) != len(self.masses):
            raise UserError(f"values has {len(self.values)} rows, but masses has {len(self.masses)}; give one row for each distribution")

    def __len__(self) -> int:
        return len(self.masses)

    def _rows(self) -> np.ndarray:
        """The values of each row, (n, m)."""
        return np.broadcast_to(self.values, self.masses.shape)

    def mean(self) -> np.ndarray:
        return (self.masses * self.values).sum(axis=1)

    def std(self) -> np.ndarray:
        return np.sqrt((self.masses * (self.values - self.mean()[:, None]) ** 2).sum(axis=1))

    def mode(self) -> np.ndarray:
        return np.take_along_axis(self._rows(), np.argmax(self.masses, axis=1)[:, None], axis=1)[:, 0]

    def quantile(self, q: float | np.ndarray) -> np.ndarray:
        levels = levels_of(q)
        slack = 1e-12  # sums of masses are not exact
        places = np.stack([np.searchsorted(row + slack, levels, side="left") for row in _reached(self.masses)])
        first = np.argmax(self.masses > 0, axis=1)[:, None]
        last = self.masses.shape[1] - 1 - np.argmax(self.masses[:, ::-1] > 0, axis=1)[:, None]
        found = np.take_along_axis(self._rows(), np.clip(places, first, last), axis=1)
        return found[:, 0] if np.ndim(q) == 0 else found

    def cdf(self, y: np.ndarray) -> np.ndarray:
        reached = _reached(self.masses)
        count = (self._rows() <= truths_of(y, len(self))[:, None]).sum(axis=1)
        return np.where(count > 0, reached[np.arange(len(self)), np.maximum(count, 1) - 1], 0.0)

    def crps(self, y: np.ndarray) -> np.ndarray:
        y = truths_of(y, len(self))[:, None]
        values, reached = self._rows(), _reached(self.masses)[:, :-1]
        left, right = np.diff(np.minimum(values, y), axis=1), np.diff(np.maximum(values, y), axis=1)
        beyond = np.maximum(y - values[:, -1:], 0) + np.maximum(values[:, :1] - y, 0)
        return (left * reached**2 + right * (1 - reached) ** 2).sum(axis=1) + beyond[:, 0]

    def sample(self, n_samples: int, rng: np.random.RandomState) -> np.ndarray:
        return np.stack([rng.choice(values, size=n_samples, p=row) for values, row in zip(self._rows(), self.masses, strict=True)])

    def log_density(self, y: np.ndarray) -> np.ndarray:
        same = self._rows() == truths_of(y, len(self))[:, None]
        with np.errstate(divide="ignore"):
            return np.log((self.masses * same).sum(axis=1))
