"""Forecasts of a fitted forecaster at each row of a series, with the true values."""

from __future__ import annotations

from typing import Any

import numpy as np

from foretell.numbers.forecasting.windows import pairs

#: Windows in one call.
BATCH = 256


def rolling_forecasts(forecaster: Any, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(M, horizon, N) forecasts and the true values of the same shape, from each window of `lag` rows of (T, N) that is followed by a whole
    horizon: M = T - lag - horizon + 1. The forecaster is not fitted again.

    >>> from foretell.numbers.forecasters.seasonal_naive import SeasonalNaive
    >>> said, came = rolling_forecasts(SeasonalNaive(lag=2, horizon=1).fit(np.zeros(9)), np.arange(5.0)[:, None])
    >>> said.ravel().tolist(), came.ravel().tolist()
    ([1.0, 2.0, 3.0], [2.0, 3.0, 4.0])
    """
    lag, horizon = forecaster.lag, forecaster.horizon
    starts = range(len(rows) - lag - horizon + 1)
    said = [forecast_windows(forecaster, rows, starts[i : i + BATCH]) for i in range(0, len(starts), BATCH)]
    return np.concatenate(said), pairs(rows, lag, horizon)[1]


def forecast_windows(forecaster: Any, rows: np.ndarray, starts: range) -> np.ndarray:
    """(B, horizon, N) forecasts from the windows that begin at these rows of (T, N)."""
    return forecaster.predict_windows(np.stack([rows[start : start + forecaster.lag] for start in starts]))
