"""`Normalised`: numbers scaled into [0, 1] and written as digits of a base."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from foretell.numbers.digits.base import NumberFormat
from foretell.numbers.digits.leaves import Leaves
from foretell.parts import require


@dataclass(eq=False, repr=False)
class Normalised(NumberFormat):
    """y is scaled linearly so that the range becomes [0, 1], then written as the first `digits` digits of its expansion to `base`. The tree
    of digits is a histogram of base ** digits equal bins: each digit divides a bin into `base` smaller ones.

    base, digits: of the expansion. minimum, maximum: the range; None is the range of the training targets, widened on each side by the
    share `widening`.

    Numbers beyond the range cannot be written. Cost: base ** digits numbers. The rounding error of a target is at most half a bin. Errors:
    UserError for settings out of range, and for targets outside given bounds.

    Song and Bahri, "Decoding-based Regression", 2025, section 3 (normalised tokenisation). Departure: the number of a bin is its centre,
    not its lower end.

    >>> number = Normalised(base=2, digits=2, minimum=0, maximum=8)
    >>> code = number.fit(np.array([0.0, 7.0]))
    >>> number.encode(code, np.array([0.0, 5.0])).tolist(), number.decode(code, np.array([[1, 0]])).tolist()
    ([[0, 0], [1, 0]], [5.0])
    """

    papers = ("decoding-regression",)

    base: int = 10
    digits: int = 3
    minimum: float | None = None
    maximum: float | None = None
    widening: float = 0.1

    def fit(self, y: np.ndarray) -> dict[str, Any]:
        self._whole("base", 2)
        self._whole("digits", 1)
        self._few("digits", float(self.base) ** self.digits)
        low, high = self._range(y, self.minimum, self.maximum, self.widening)
        require(low < high, self, "maximum", self.maximum, f"must be above the minimum, {low:g}")
        return {"low": low, "high": high}

    def leaves(self, code: dict[str, Any]) -> Leaves:
        numbers = np.arange(self.base**self.digits)
        tokens = np.stack([numbers // self.base**place % self.base for place in reversed(range(self.digits))], axis=1)
        edges = np.linspace(code["low"], code["high"], len(numbers) + 1)
        return Leaves(tokens, (edges[:-1] + edges[1:]) / 2, edges)
