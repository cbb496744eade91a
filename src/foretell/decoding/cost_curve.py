"""t(n): the seconds of one forward step over n new rows."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

import numpy as np

from foretell.errors import UserError


@dataclass(frozen=True)
class CostCurve:
    """Seconds of a step as a function of its number of rows: linear interpolation, extended by the mean slope.

    rows: measured numbers of rows, ascending. seconds: of a step over each. Errors: UserError where they do not ascend or match.

    >>> CostCurve((1, 3), (1.0, 2.0))(2)
    1.5
    """

    rows: tuple[int, ...]
    seconds: tuple[float, ...]

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

    def table(self, num_rows: int) -> np.ndarray:
        """t(1), ..., t(num_rows), in seconds."""
        inside = np.interp(np.arange(1, num_rows + 1), self.rows, self.seconds)
        return np.array([value if n <= self.rows[-1] else self(n) for n, value in enumerate(inside, 1)])
