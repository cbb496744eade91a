"""`DecimalText`: numbers as plain decimal text, for language models."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from foretell.numbers.digits.base import NumberFormat
from foretell.numbers.digits.leaves import Leaves, midway
from foretell.parts import require
from foretell.rules.automata.byte_constraint import ByteConstraint
from foretell.rules.constraints.decimals import Decimals
from foretell.rules.constraints.integers import Integers

#: What the tokens write where the text is decoded character by character; one more token ends it.
LETTERS = "0123456789-."
END = len(LETTERS)


@dataclass(eq=False, repr=False)
class DecimalText(NumberFormat):
    """Multiples of 10 ** -precision between two bounds, written as usual: "-0.50", "1987". These are the texts that the constraints
    `Integers` (precision 0) and `Decimals` allow, so that any language model can be restricted to them. As token rows (one token a
    character, with an end) networks trained here can learn them too.

    minimum, maximum: the bounds; None is the range of the training targets, widened on each side by the share `widening`. precision:
    decimal places; None is as many as the targets have, or, where those are more than six, as many as resolve a hundredth of their range.

    Cost: (maximum - minimum) * 10 ** precision numbers. The rounding error of a target is at most half a unit of its last digit. Errors:
    UserError for settings out of range, and for targets outside given bounds.

    Vacareanu et al., "From Words to Numbers: Your Large Language Model Is Secretly A Capable Regressor", 2024, and Requeima et al., "LLM
    Processes", 2024, for numbers as text in prompts.

    >>> number = DecimalText(minimum=-1, maximum=12)
    >>> code = number.fit(np.array([0.5, 2.0]))
    >>> number.texts(code)[:2], number.texts(code)[-1], number.constraint(code)
    (['-1.0', '-0.9'], '12.0', Decimals(minimum='-1.0', maximum='12.0', precision=1, fixed=True, negative_zero=False))
    """

    papers = ("words-to-numbers", "llm-processes")

    minimum: float | None = None
    maximum: float | None = None
    precision: int | None = None
    widening: float = 0.1

    def fit(self, y: np.ndarray) -> dict[str, Any]:
        if self.precision is not None:
            self._whole("precision", 0)
        precision = self._precision(y) if self.precision is None else int(self.precision)
        low, high = self._range(y, self.minimum, self.maximum, self.widening)
        scale = 10**precision
        near = 1e-9 * max(1.0, scale * max(abs(low), abs(high)))  # a bound of 0.3 is three tenths
        given = self.minimum is not None, self.maximum is not None
        first = math.ceil(low * scale - near) if given[0] else math.floor(low * scale)
        last = math.floor(high * scale + near) if given[1] else math.ceil(high * scale)
        self._few("precision", last - first + 1.0)
        require(first <= last, self, "precision", self.precision, f"has no number between {low:g} and {high:g}; take more digits")
        return {"first": first, "last": last, "precision": precision}

    def _precision(self, y: np.ndarray) -> int:
        for precision in range(7):
            if np.allclose(y * 10**precision, np.round(y * 10**precision), rtol=1e-12, atol=1e-6):
                return precision
        spread = float(np.ptp(y))
        return max(0, 2 - math.floor(math.log10(spread))) if spread > 0 else 6

    def texts(self, code: dict[str, Any]) -> list[str]:
        """All numbers, in increasing order, as they are written."""
        return [_written(number, code["precision"]) for number in range(code["first"], code["last"] + 1)]

    def text(self, code: dict[str, Any], y: float) -> str:
        """The nearest number's text; ValueError outside the support."""
        leaves = self.leaves(code)
        return _written(code["first"] + int(leaves.places(np.array([y]))[0]), code["precision"])

    def constraint(self, code: dict[str, Any]) -> ByteConstraint:
        """The rule that the whole text is one of the numbers."""
        if not code["precision"]:
            return Integers(code["first"], code["last"])
        first, last = (_written(code[name], code["precision"]) for name in ("first", "last"))
        return Decimals(first, last, code["precision"])

    def leaves(self, code: dict[str, Any]) -> Leaves:
        texts = self.texts(code)
        longest = max(map(len, texts))
        tokens = np.array([[LETTERS.index(letter) for letter in text] + [END] * (longest - len(text)) for text in texts])
        values = np.arange(code["first"], code["last"] + 1) / 10.0 ** code["precision"]
        return Leaves(tokens, values, midway(values) if len(values) > 1 else values[0] + np.array([-0.5, 0.5]) / 10 ** code["precision"])


def _written(number: int, precision: int) -> str:
    """number / 10 ** precision in plain digits."""
    digits = str(abs(number)).rjust(precision + 1, "0")
    cut = len(digits) - precision
    return "-" * (number < 0) + digits[:cut] + ("." + digits[cut:] if precision else "")
