"""Fits a forecaster to the first part of the series and measures it on the last, beside baselines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from foretell.errors import UserError
from foretell.numbers.conformal.rolling import rolling_forecasts
from foretell.numbers.forecasters.conformal_forecaster import ConformalForecaster
from foretell.numbers.forecasters.seasonal_naive import SeasonalNaive
from foretell.numbers.forecasters.window_ridge import WindowRidge

#: Rows of a season, by what pandas calls the steps of time.
SEASONS = {
    **{"B": 5, "D": 7, "W": 52},
    **dict.fromkeys(("M", "MS", "ME", "BM", "BMS", "BME"), 12),
    **dict.fromkeys(("Q", "QS", "QE", "BQ", "BQS", "BQE"), 4),
}
DAY = pd.Timedelta(days=1)


@dataclass
class Backtest:
    """scores: MAE, RMSE and the share of the naive MAE (NaN where that is 0), by name, ours first. by_step: (H,) MAE by name. num: windows
    that were forecast. covered: the share of values inside their intervals, where there are intervals."""

    scores: dict[str, dict[str, float]]
    by_step: dict[str, np.ndarray]
    num: int
    covered: float | None = None


def season_of(index: pd.Index) -> int:
    """Rows of a season, by the time steps: a day for steps below a day, a week of days, a year of months. 1 where the steps suggest none.

    >>> season_of(pd.date_range("2024-01-01", periods=9, freq="30min")), season_of(pd.RangeIndex(9))
    (48, 1)
    """
    if not isinstance(index, pd.DatetimeIndex) or len(index) < 3:
        return 1
    step = index[1] - index[0]
    if step < DAY:
        return round(DAY / step)
    return SEASONS.get((pd.infer_freq(index) or "").partition("-")[0], 1)


def backtest(name: str, forecaster: Any, series: pd.DataFrame, test_share: float, season: int, coverage: float | None = None) -> Backtest:
    """Hold out the last share of the rows, and forecast from each window that ends before or in them; beside it stand a window ridge with
    its usual settings and the seasonal naive forecast.

    name: of the forecaster in the scores. series: (T, N). test_share: share of rows held out. season: of the naive forecast. coverage: with
    intervals of this coverage. Errors: UserError where fewer rows than the horizon are held out.
    """
    rows, lag, horizon = series.to_numpy(dtype=float), forecaster.lag, forecaster.horizon
    num_held = round(test_share * len(rows))
    if not 0 < test_share < 1 or num_held < horizon:
        raise UserError(
            f"test_share={test_share:g} of {len(rows)} rows holds out {num_held}, which must be at least the horizon of {horizon} "
            "and leave rows to fit; change it, or forecast fewer steps"
        )
    first, last = series.iloc[:-num_held], rows[len(rows) - num_held - lag :]
    ours = with_intervals(forecaster, coverage).fit(first)
    arms = {name: ours}
    for called, baseline in {"window-ridge": WindowRidge(lag, horizon), "seasonal-naive": SeasonalNaive(lag, horizon, season)}.items():
        arms.setdefault(called, baseline.fit(first))
    said = {called: rolling_forecasts(arm, last) for called, arm in arms.items()}
    errors = {called: np.abs(forecast - truth) for called, (forecast, truth) in said.items()}
    scores = {called: {"MAE": float(error.mean()), "RMSE": float(np.sqrt(np.mean(error**2)))} for called, error in errors.items()}
    of = scores["seasonal-naive"]["MAE"]
    for each in scores.values():
        each["of naive"] = each["MAE"] / of if of > 0 else float("nan")
    found = Backtest(scores, {called: error.mean(axis=(0, 2)) for called, error in errors.items()}, len(said[name][0]))
    if coverage is not None:
        half = np.diff(ours.predict_interval())[..., 0] / 2
        found.covered = float(np.mean(errors[name] <= half))
    return found


def with_intervals(forecaster: Any, coverage: float | None) -> Any:
    """An unfitted copy of the forecaster, wrapped for intervals where a coverage is given."""
    return clone(forecaster) if coverage is None else ConformalForecaster(clone(forecaster), coverage=coverage)
