"""t(n): the seconds of one forward step over n new rows, of one text or of several."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from foretell.errors import UserError


@dataclass(frozen=True)
class CostCurve:
    """Seconds of a step as a function of its number of rows: linear interpolation, extended by the mean slope.

    rows: measured numbers of rows, ascending. seconds: of a step over each, after one text of `context` tokens. per_token: seconds that
    attention takes for each token of a text in front of the step's rows, once a text. per_token_row: the same, for each row of that text.
    per_text: seconds for each text after the first. With these 0, a step's cost depends on its rows only. noise: how busy the machine was
    while measuring, the median over the least time of one step; 1 on an idle one. Errors: UserError where rows and seconds do not
    ascend or match.

    >>> curve = CostCurve((1, 3), (1.0, 2.0), context=10, per_token=0.01)
    >>> curve(2), curve.step([(10, 2)]), round(curve.step([(10, 1), (30, 1)]), 6)
    (1.5, 1.5, 1.8)
    """

    rows: tuple[int, ...]
    seconds: tuple[float, ...]
    context: int = 0
    per_token: float = 0.0
    per_token_row: float = 0.0
    per_text: float = 0.0
    noise: float = 1.0

    def __post_init__(self) -> None:
        if len(self.rows) != len(self.seconds) or not self.rows or list(self.rows) != sorted(set(self.rows)):
            raise UserError(f"CostCurve: rows={self.rows!r} must ascend and match seconds={self.seconds!r}")

    @classmethod
    def flat(cls, seconds: float = 1.0, per_row: float = 0.0) -> CostCurve:
        """The curve seconds + per_row * (n - 1), for tests."""
        return cls((1, 2), (seconds, seconds + per_row))

    def __call__(self, num_rows: int) -> float:
        index = bisect_right(self.rows, num_rows) - 1  # called dozens of times a step, where NumPy would be slow
        if index < 0 or self.rows[index] == num_rows or len(self.rows) == 1:
            return self.seconds[max(index, 0)]
        if num_rows < self.rows[-1]:
            slope = (self.seconds[index + 1] - self.seconds[index]) / (self.rows[index + 1] - self.rows[index])
            return self.seconds[index] + slope * (num_rows - self.rows[index])
        slope = (self.seconds[-1] - self.seconds[0]) / (self.rows[-1] - self.rows[0])
        return self.seconds[-1] + slope * (num_rows - self.rows[-1])

    def step(self, texts: Iterable[tuple[int, int]]) -> float:
        """Seconds of a step over several texts at once. texts: (tokens before the step, rows) of each."""
        num_rows, seconds = 0, -self.per_text
        for length, rows in texts:
            num_rows += rows
            seconds += self.per_text + (self.per_token + self.per_token_row * rows) * length
        return self.without_attention(num_rows) + seconds

    def without_attention(self, num_rows: int) -> float:
        """Seconds of all that depends neither on the lengths nor on the number of texts, in a step over `num_rows` rows."""
        return self(num_rows) - (self.per_token + self.per_token_row * num_rows) * self.context

    def reading(self, num_tokens: int) -> float:
        """Seconds of reading a prompt of so many tokens, at least: without the attention between its pieces."""
        whole, rest = divmod(num_tokens, max(self.rows[-1], 1))
        return whole * self(self.rows[-1]) + (self(rest) if rest else 0.0)

    def table(self, num_rows: int) -> np.ndarray:
        """t(1), ..., t(num_rows), in seconds."""
        inside = np.interp(np.arange(1, num_rows + 1), self.rows, self.seconds)
        return np.array([value if n <= self.rows[-1] else self(n) for n, value in enumerate(inside, 1)])
