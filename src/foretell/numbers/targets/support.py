"""`Support`: the bins of a histogram."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from foretell.errors import UserError
from foretell.numbers.component import Component
from foretell.parts import require


@dataclass(eq=False, repr=False)
class Support(Component):
    """Bins over an interval, in the units of the targets.

    bins: their number; all have the same width. low, high: the ends; None takes the least or greatest training target, moved outwards by
    the margin that the encoding asks for. edges: the edges of all bins, increasing, instead of the three: bins of any width. clip: targets
    outside are moved to the nearest end, with a warning that counts them; False refuses them.

    Errors: UserError for ends or edges that do not increase, fewer than two bins, targets with one value only where ends come from data.

    >>> Support(bins=4, low=0.0).fit(np.array([1.0, 8.0])).tolist()
    [0.0, 2.0, 4.0, 6.0, 8.0]
    >>> Support(edges=[0.0, 1.0, 10.0]).fit(np.array([3.0])).tolist()
    [0.0, 1.0, 10.0]
    """

    bins: int = 100
    low: float | None = None
    high: float | None = None
    edges: Any = None
    clip: bool = False

    def fit(self, y: np.ndarray, margin: float = 0.0, margin_in_bins: float = 0.0) -> np.ndarray:
        """The edges, (bins + 1,) float64, for targets y (n,). An end taken from `y` moves outwards by margin (in units of y) and by
        margin_in_bins (in widths of the resulting bins)."""
        if self.edges is not None:
            return self._given()
        require(
            isinstance(self.bins, int | np.integer) and int(self.bins) >= 2, self, "bins", self.bins, "must be a whole number of 2 or more"
        )
        for name in ("low", "high"):
            value = getattr(self, name)
            require(value is None or np.isfinite(value), self, name, value, "must be a finite number, or None to take it from the data")
        open_ends = (self.low is None) + (self.high is None)
        y = _numbers(y)
        if open_ends == 2 and not y.min() < y.max():
            raise UserError(f"all targets are {y[0]}, so bins have no range; give Support(low=..., high=...)")
        low = y.min() - margin if self.low is None else float(self.low)
        high = y.max() + margin if self.high is None else float(self.high)
        require(low < high, self, "low", low, f"must be below high={high}; swap them, or leave out the one that the data should set")
        within = self.bins - open_ends * margin_in_bins
        require(
            within > 0, self, "bins", self.bins, f"must be above {open_ends * margin_in_bins:g}, which the margins take; or give both ends"
        )
        width = (high - low) / within
        low -= margin_in_bins * width if self.low is None else 0.0
        high += margin_in_bins * width if self.high is None else 0.0
        return np.linspace(low, high, self.bins + 1)

    def place(self, edges: np.ndarray, y: np.ndarray, warn: bool = True) -> np.ndarray:
        """`y` within the edges: targets outside are refused, or moved to the nearest end and counted in a warning where clip=True."""
        y = _numbers(y)
        outside = int(((y < edges[0]) | (y > edges[-1])).sum())
        if outside and not self.clip:
            raise UserError(
                f"{outside} of {len(y)} targets lie outside the support [{edges[0]:g}, {edges[-1]:g}] (they go from {y.min():g} to "
                f"{y.max():g}); widen it, or move them to its ends by Support(..., clip=True)"
            )
        if outside and warn:
            warnings.warn(f"{outside} of {len(y)} targets lie outside the support and were moved to its ends", UserWarning, stacklevel=2)
        return np.clip(y, edges[0], edges[-1])

    def _given(self) -> np.ndarray:
        edges = np.asarray(self.edges, dtype=float)
        good = edges.ndim == 1 and len(edges) >= 3 and bool(np.isfinite(edges).all()) and bool(np.all(np.diff(edges) > 0))
        require(good, self, "edges", self.edges, "must be three or more finite, increasing numbers: the ends of two or more bins")
        both = self.low is not None or self.high is not None
        require(not both, self, "edges", self.edges, "set the ends; leave out low and high")
        return edges


def is_even(edges: np.ndarray) -> bool:
    """Whether all bins have the same width, up to rounding."""
    widths = np.diff(edges)
    rounding = 4 * np.finfo(float).eps * np.abs(edges).max()
    return bool(np.ptp(widths) <= 1e-6 * widths.mean() + rounding)


def _numbers(y: np.ndarray) -> np.ndarray:
    y = np.asarray(y, dtype=np.float64)
    if y.ndim != 1 or not len(y) or not np.isfinite(y).all():
        raise UserError(f"targets must be a row of finite numbers, at least one; leave out what is NaN or infinite (shape {y.shape})")
    return y
