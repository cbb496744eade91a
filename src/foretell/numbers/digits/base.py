"""The contract of number formats: how a number is written as a row of tokens."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from foretell.numbers.component import Component
from foretell.numbers.digits.leaves import Leaves
from foretell.parts import require

#: Most numbers that a format may write: all of them are listed, and a distribution gives each its mass.
MOST_LEAVES = 100_000


@dataclass(eq=False, repr=False)
class NumberFormat(Component):
    """Abstract: `fit` looks at the training targets once and returns a *code*, plain numbers, which all else is given back. A format
    writes finitely many numbers, each in one way, by rows of equally many tokens; `leaves` lists them, and the rest follows: which
    number stands for a target (the nearest), which tokens may follow a beginning, and a distribution over all of them as a `PredictiveDistribution`.
    """

    @abstractmethod
    def fit(self, y: np.ndarray) -> dict[str, Any]:
        """The code for targets like these, (n,) float64; ValueError naming what is wrong with `y` or with a setting."""

    @abstractmethod
    def leaves(self, code: dict[str, Any]) -> Leaves:
        """All numbers that the code can write."""

    def encode(self, code: dict[str, Any], y: np.ndarray) -> np.ndarray:
        """(n,) numbers -> (n, length) tokens; ValueError outside the support."""
        leaves = self.leaves(code)
        return leaves.tokens[leaves.places(y)]

    def decode(self, code: dict[str, Any], tokens: np.ndarray) -> np.ndarray:
        """(n, length) tokens -> (n,) numbers; ValueError for rows that are none."""
        return self.leaves(code).decode(tokens)

    def _whole(self, name: str, least: int) -> None:
        value = getattr(self, name)
        good = isinstance(value, int | np.integer) and not isinstance(value, bool) and int(value) >= least
        require(good, self, name, value, f"must be a whole number of at least {least}")

    def _few(self, name: str, num_leaves: float) -> None:
        remedy = f"makes {num_leaves:g} numbers, more than {MOST_LEAVES:g}, which are too many to give each its mass; take less"
        require(num_leaves <= MOST_LEAVES, self, name, getattr(self, name), remedy)

    def _range(self, y: np.ndarray, low: float | None, high: float | None, widening: float) -> tuple[float, float]:
        """The bounds as given, else the targets' widened by a share of their range; ValueError where targets lie outside."""
        require(widening >= 0, self, "widening", widening, "must be 0 or above")
        least, most = float(np.min(y)), float(np.max(y))
        margin = widening * (most - least)
        if most - least <= 1e-9 * max(abs(least), abs(most)):  # all the same, up to rounding
            margin = max(1e-3 * max(abs(least), abs(most)), 1e-6)
        found = (least - margin if low is None else float(low), most + margin if high is None else float(high))
        for name, given, fits in (("minimum", low, found[0] <= least), ("maximum", high, found[1] >= most)):
            require(fits, self, name, given, f"leaves out targets, which reach from {least:g} to {most:g}; widen it or clip them")
        require(
            bool(np.isfinite(found).all()) and found[0] <= found[1], self, "minimum", low, f"must not be above the maximum, {found[1]:g}"
        )
        return found
