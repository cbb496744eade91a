"""`SeasonalNaive`: repeats the last season."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from foretell.numbers.forecasters.base import Forecaster
from foretell.parts import require


@dataclass(eq=False, repr=False)
class SeasonalNaive(Forecaster):
    """Repeats the last `season` rows: the baseline of every forecast.

    season: rows of a cycle, at most lag; 1 repeats the last row. Errors: those of `Forecaster`; UserError for a season that is longer than
    lag.

    >>> SeasonalNaive(lag=4, horizon=3, season=2).fit(np.arange(10.0)).predict()[:, 0].tolist()
    [8.0, 9.0, 8.0]
    """

    season: int = 1

    @classmethod
    def examples(cls) -> list[SeasonalNaive]:
        return [cls(lag=8, horizon=5, season=3)]

    def _fit_series(self, Y: np.ndarray) -> None:  # noqa: N803
        require(1 <= self.season <= self.lag, self, "season", self.season, f"must be from 1 to lag={self.lag}")

    def _forecast(self, windows: np.ndarray) -> np.ndarray:
        places = self.lag - self.season + np.arange(self.horizon) % self.season
        return windows[:, places]
