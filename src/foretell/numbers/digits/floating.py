"""`Floating`: numbers as they are, by sign, exponent and digits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from foretell.numbers.digits.base import NumberFormat
from foretell.numbers.digits.leaves import Leaves, midway


@dataclass(eq=False, repr=False)
class Floating(NumberFormat):
    """<sign><exponent><digits>: sign * d.dd * 10 ** exponent, with equal relative precision for numbers of any size and without scaling.
    The first digit is not 0, except at the lowest exponent, where numbers approach 0 in even steps.

    digits: of the mantissa. decades: the number of exponents; the highest is that of the largest target increased by a tenth. A minus may
    be written only where a training target is negative.

    Cost: about 9 * decades * 10 ** (digits - 1) numbers, twice as many with a minus. The rounding error of a target is at most half a unit
    of its last digit. Errors: UserError for settings below 1.

    Song et al., "OmniPred: Language Models as Universal Regressors", 2024, section 3.2, with the exponent before the digits as in Song and
    Bahri, "Decoding-based Regression", 2025, section 3 (unnormalised tokenisation). Departures: an exponent is one token, each number has
    one row of tokens, and the exponents are those of the training targets.

    >>> number = Floating(digits=2, decades=2)
    >>> code = number.fit(np.array([-5.2, 31.0]))
    >>> rows = number.encode(code, np.array([-5.23, 31.4, 0.0]))
    >>> rows.tolist(), number.decode(code, rows).round(6).tolist()
    ([[0, 0, 5, 2], [1, 1, 3, 1], [1, 0, 0, 0]], [-5.2, 31.0, 0.0])
    """

    papers = ("omnipred", "decoding-regression")

    digits: int = 3
    decades: int = 3

    def fit(self, y: np.ndarray) -> dict[str, Any]:
        self._whole("digits", 1)
        self._whole("decades", 1)
        self._few("digits", 2 * self.decades * 10.0**self.digits)
        greatest = 1.1 * float(np.max(np.abs(y)))
        top = math.floor(math.log10(greatest)) if greatest > 0 else 0
        return {"top": top, "minus": bool(np.min(y) < 0)}

    def leaves(self, code: dict[str, Any]) -> Leaves:
        first = 10 ** (self.digits - 1)
        least = code["top"] - self.decades + 1
        exponents = [np.full(10 * first, 0), *[np.full(9 * first, i) for i in range(1, self.decades)]]
        mantissas = [np.arange(10 * first), *[np.arange(first, 10 * first)] * (self.decades - 1)]
        exponent, mantissa = np.concatenate(exponents), np.concatenate(mantissas)
        unit = least + exponent - self.digits + 1.0
        values = np.where(unit < 0, mantissa / 10.0**-unit, mantissa * 10.0**unit)  # one rounding where the power is exact
        digits = [mantissa // 10**place % 10 for place in reversed(range(self.digits))]
        tokens = np.stack([np.ones_like(exponent), exponent, *digits], axis=1)
        if code["minus"]:
            negative = tokens[:0:-1].copy()  # all but 0, the largest first
            negative[:, 0] = 0
            tokens, values = np.concatenate([negative, tokens]), np.concatenate([-values[:0:-1], values])
        return Leaves(tokens, values, midway(values))
