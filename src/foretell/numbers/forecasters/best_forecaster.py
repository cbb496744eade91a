"""`BestForecaster`: chooses among forecasters by their errors on the last rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone

from foretell.errors import UserError
from foretell.numbers.conformal.rolling import rolling_forecasts
from foretell.numbers.forecasters.base import Forecaster
from foretell.numbers.forecasters.log_forecaster import LogForecaster
from foretell.numbers.forecasters.olinear_forecaster import OLinearForecaster
from foretell.numbers.forecasters.seasonal_naive import SeasonalNaive
from foretell.numbers.forecasters.window_ridge import CENTRES, WindowRidge
from foretell.parts import require

#: Penalties of the ridges that are tried.
ALPHAS = (1.0, 100.0)


@dataclass(eq=False, repr=False)
class BestForecaster(Forecaster):
    """Rolling-origin selection: each candidate is fitted to the first rows and forecasts from every window of the last ones. The one with
    the least mean absolute error is fitted to all rows.

    candidates: forecasters, whose lag and horizon are set to those of this one; None tries `SeasonalNaive` (with `season` and with 1),
    `WindowRidge` with each centre and two penalties, `LogForecaster` around it where all values are above 0, and `OLinearForecaster`.
    season: rows of a cycle, at most lag. validation_fraction: share of the rows that candidates are compared on, at least `horizon` rows.
    random_state, verbose: of the candidates that have them.

    Errors of a series count in units of its standard deviation. A candidate that these rows do not allow is left out. Cost: two fits of
    the best, and one of each other. The errors that it was chosen by are those of the best of several, so measure it on other rows.
    Errors: UserError for fewer rows than a comparison needs, and where no candidate can be fitted.

    State: forecaster_ (the best, fitted to all rows), chosen_ (its description), errors_ (by description, NaN for those left out), and
    those of `Forecaster`.

    >>> rows = np.tile([1.0, 5.0, 3.0], 20)
    >>> model = BestForecaster(lag=6, horizon=3, season=3, candidates=[SeasonalNaive(season=1), SeasonalNaive(season=3)]).fit(rows)
    >>> model.chosen_, model.predict()[:, 0].tolist()
    ('seasonal-naive, season=3', [1.0, 5.0, 3.0])
    """

    candidates: Any = None
    season: int = 1
    validation_fraction: float = 0.2
    random_state: Any = None
    verbose: bool = False

    @classmethod
    def examples(cls) -> list[BestForecaster]:
        few = [SeasonalNaive(), WindowRidge(centre="last")]
        return [cls(lag=8, horizon=5, candidates=few), cls(lag=8, horizon=5, candidates=[LogForecaster(), WindowRidge()])]

    def _fit_series(self, Y: np.ndarray) -> None:  # noqa: N803
        require(1 <= self.season <= self.lag, self, "season", self.season, f"must be from 1 to lag={self.lag}")
        require(0 < self.validation_fraction < 1, self, "validation_fraction", self.validation_fraction, "must lie between 0 and 1")
        known = len(Y) - max(round(self.validation_fraction * len(Y)), self.horizon)
        least = self.lag + self.horizon
        if known < least:
            needed = max(least + self.horizon, int(np.ceil((least + 0.5) / (1 - self.validation_fraction))))
            raise UserError(
                f"BestForecaster: of {len(Y)} rows {known} are left when candidates are compared on the others, fewer than lag + horizon = "
                f"{least}; give at least {needed} rows, ask for less, or fit one forecaster without comparing"
            )
        scale = Y.std(axis=0)
        made = {described(each): each for each in self._candidates()}
        self.errors_ = {name: _error(each, Y, known, np.where(scale > 0, scale, 1.0)) for name, each in made.items()}
        if all(np.isnan(list(self.errors_.values()))):
            raise UserError(f"BestForecaster: none of {', '.join(made)} can be fitted to these rows; fit one by itself to see why")
        self.chosen_ = min(self.errors_, key=lambda name: np.nan_to_num(self.errors_[name], nan=np.inf))
        self.forecaster_ = clone(made[self.chosen_]).fit(Y)

    def _forecast(self, windows: np.ndarray) -> np.ndarray:
        return self.forecaster_.predict_windows(windows)

    def _candidates(self) -> list[Forecaster]:
        ridges = [WindowRidge(centre=centre, alpha=alpha) for alpha in ALPHAS for centre in CENTRES]
        usual = [
            *(SeasonalNaive(season=season) for season in {self.season, 1}),
            *ridges,
            *(LogForecaster(forecaster=WindowRidge(centre=centre)) for centre in CENTRES),
            OLinearForecaster(),
        ]
        own = {"lag": self.lag, "horizon": self.horizon, "random_state": self.random_state, "verbose": self.verbose}
        found = [clone(each) for each in (usual if self.candidates is None else self.candidates)]
        for each in found:
            each.set_params(**{name: value for name, value in own.items() if name in each.get_params(deep=False)})
        return found


def described(forecaster: Any) -> str:
    """Its name with the settings that are not the usual ones, but for those that a choice sets.

    >>> described(LogForecaster(forecaster=WindowRidge(centre="last", lag=3)))
    'log-forecaster of window-ridge, centre=last'
    """
    from foretell.catalog import name_of

    usual = type(forecaster)().get_params(deep=False)
    given = {name: value for name, value in forecaster.get_params(deep=False).items() if name not in _SET and value is not usual[name]}
    inner = given.pop("forecaster", None)
    said = [f"{name}={value}" for name, value in given.items() if value != usual[name]]
    return ", ".join([name_of(type(forecaster)) + ("" if inner is None else f" of {described(inner)}"), *said])


_SET = ("lag", "horizon", "random_state", "verbose")


def _error(forecaster: Forecaster, rows: np.ndarray, known: int, scale: np.ndarray) -> float:
    """Mean absolute error on the rows from `known` on, or NaN where the forecaster cannot be fitted to those before."""
    try:
        said, came = rolling_forecasts(clone(forecaster).fit(rows[:known]), rows[known - forecaster.lag :])
    except UserError:
        return float("nan")
    return float(np.mean(np.abs(came - said) / scale))
