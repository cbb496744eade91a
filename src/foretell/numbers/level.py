"""`Level`: targets in their own units, whatever these are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Level:
    """Centre and scale of targets. Kept in float64 and taken off before anything is computed in float32, so that a level of 1e9, or units
    of 1e-300, cost no digits.

    >>> level, found = Level.of(np.array([1e9, 1e9 + 2]))
    >>> found.tolist(), level.back(found).tolist()
    ([-1.0, 1.0], [1000000000.0, 1000000002.0])
    """

    centre: float = 0.0
    scale: float = 1.0

    @classmethod
    def of(cls, y: np.ndarray, weight: np.ndarray | None = None) -> tuple[Level, np.ndarray]:
        """The level of targets y (n,) float64, by their mean and standard deviation (1 where they are all the same), and what they are in
        it."""
        unit = float(np.abs(y).max()) or 1.0  # so that squares neither overflow nor vanish
        shares = y / unit
        middle = float(np.average(shares, weights=weight))
        spread = float(np.sqrt(np.average((shares - middle) ** 2, weights=weight)))
        if not spread > 1e-15 or unit * spread == 0:
            return cls(middle * unit, 1.0), np.zeros_like(y)
        return cls(middle * unit, spread * unit), (shares - middle) / spread

    @property
    def offset(self) -> float:
        """What is to be added to targets in this level so that they are multiples of the targets."""
        return self.centre / self.scale

    def back(self, found: np.ndarray) -> np.ndarray:
        """In the units of the targets."""
        return self.centre + self.scale * np.asarray(found, dtype=np.float64)
