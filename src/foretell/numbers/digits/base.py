"""The contract of number formats: how a number is written as a row of tokens."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from foretell.numbers.component import Component
from foretell.numbers.digits.leaves import Leaves
from foretell.parts import require

#: Largest number of numbers that a format may write: distributions hold a mass for each.
MOST_LEAVES = 100_000


@dataclass(eq=False, repr=False)
class NumberFormat(Component):
    """Abstract: writes numbers as rows of equally many tokens. `fit` reads the training targets once and returns a *code*, plain numbers,
    which the other methods take. A format writes finitely many numbers, each in one way. A subclass lists them (`leaves`); from that list
    follow the number that stands for a target (the nearest), the tokens that may follow a prefix, and distributions over all numbers."""

    @abstractmethod
    def fit(self, y: np.ndarray) -> dict[str, Any]:
        """The code for targets y (n,) float64; UserError naming what is wrong with `y` or with a setting."""

    @abstractmethod
    def leaves(self, code: dict[str, Any]) -> Leaves:
        """All numbers that the code can write."""

    def encode(self, code: dict[str, Any], y: np.ndarray) -> np.ndarray:
        """Numbers (n,) to tokens (n, length); UserError for numbers outside the support."""
        leaves = self.leaves(code)
        return leaves.tokens[leaves.places(y)]

    def decode(self, code: dict[str, Any], tokens: np.ndarray) -> np.ndarray:
        """Tokens (n, length) to numbers (n,); UserError for rows that no number is written as."""
        return self.leaves(code).decode(tokens)

    def _whole(self, name: str, least: int) -> None:
        value = getattr(self, name)
        good = isinstance(value, int | np.integer) and not isinstance(value, bool) and int(value) >= least
        require(good, self, name, value, f"must be a whole number of at least {least}")

    def _few(self, name: str, num_leaves: float) -> None:
        remedy = f"makes {num_leaves:g} numbers, but at most {MOST_LEAVES:g} are supported; lower it"
        require(num_leaves <= MOST_LEAVES, self, name, getattr(self, name), remedy)

    def _range(self, y: np.ndarray, low: float | None, high: float | None, widening: float) -> tuple[float, float]:
        """The given bounds, or those of the targets, widened by a share of their range; UserError where targets lie outside."""
        require(widening >= 0, self, "widening", widening, "must be 0 or above")
        least, most = float(np.min(y)), float(np.max(y))
        size = max(abs(least), abs(most))
        margin = widening * (most - least)
        if most - least <= 1e-12 * size:  # all equal, up to rounding: as narrow as the cells of `MOST_LEAVES` numbers can be
            margin = 1e-10 * size or 1e-6
        found = (least - margin if low is None else float(low), most + margin if high is None else float(high))
        for name, given, fits in (("minimum", low, found[0] <= least), ("maximum", high, found[1] >= most)):
            require(fits, self, name, given, f"leaves out targets, which range from {least:g} to {most:g}; widen it or clip them")
        require(
            bool(np.isfinite(found).all()) and found[0] <= found[1], self, "minimum", low, f"must not be above the maximum, {found[1]:g}"
        )
        return found
