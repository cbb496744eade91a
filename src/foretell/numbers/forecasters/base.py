"""The contract of forecasters: the next `horizon` rows of several series from the last `lag` rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from foretell.errors import UserError
from foretell.numbers.forecasting.time_steps import check_even_steps
from foretell.parts import require


@dataclass(eq=False, repr=False)
class Forecaster(BaseEstimator, ABC):
    """Abstract: learns from Y (T, N), one row a time step and one column a series, at even steps in order of time, without gaps.

    lag: rows that a forecast depends on. horizon: rows that are forecast at once. Subclasses are dataclasses (`eq=False, repr=False`) and
    implement `examples`, `_fit_series` and `_forecast`.

    Attributes: n_series_, names_ (columns of a table, else None), tail_ (lag, N), the end of the training rows.

    This is no scikit-learn regressor, since it predicts rows that follow and not a value for each row; get_params, clone and repeated `fit`
    work as there.
    """

    lag: int = 96
    horizon: int = 24

    @classmethod
    @abstractmethod
    def examples(cls) -> list[Any]:
        """Small settings for checks."""

    @abstractmethod
    def _fit_series(self, Y: np.ndarray) -> None:  # noqa: N803
        """Learn from checked float64 rows (T, N), T >= lag + horizon."""

    @abstractmethod
    def _forecast(self, windows: np.ndarray) -> np.ndarray:
        """(B, lag, N) checked float64 -> (B, horizon, N)."""

    def fit(self, Y: Any) -> Any:  # noqa: N803
        """Fit to Y: (T, N) or (T,) array, or a table. UserError for NaN, for fewer than lag + horizon rows, for values that are no numbers,
        and for times (a pandas index) that repeat, go back or leave steps out."""
        for name in ("lag", "horizon"):
            value = getattr(self, name)
            require(isinstance(value, int | np.integer) and int(value) >= 1, self, name, value, "must be a whole number of at least 1")
        names = None if getattr(Y, "columns", None) is None else [str(name) for name in Y.columns]
        check_even_steps(Y, type(self).__name__)
        rows = series_rows(Y, type(self).__name__)
        if len(rows) < self.lag + self.horizon:
            raise UserError(
                f"{type(self).__name__}: {len(rows)} rows are too few for lag={self.lag} and horizon={self.horizon}, which need at least "
                f"{self.lag + self.horizon}; give more rows or ask for less"
            )
        self.n_series_, self.names_ = rows.shape[1], names
        self._fit_series(rows)
        self.tail_ = rows[-self.lag :].copy()
        return self

    def predict(self, horizon: int | None = None, context: Any = None) -> np.ndarray:
        """(h, N): the rows that follow the training rows, or those that follow `context` (at least lag rows). horizon: h, at most the
        fitted horizon, which is the default; `predict_further` goes beyond it."""
        check_is_fitted(self, "tail_")
        steps = self.horizon if horizon is None else horizon
        good = isinstance(steps, int | np.integer) and 1 <= int(steps) <= self.horizon
        remedy = f"must be a whole number from 1 to the fitted {self.horizon}; fit with horizon={steps}, or use predict_further"
        require(good, self, "horizon", steps, remedy)
        return self.predict_windows(self._window(context)[None])[0, :steps]

    def predict_further(self, steps: int, context: Any = None) -> np.ndarray:
        """(steps, N): beyond the fitted horizon, by forecasting from forecasts; errors accumulate."""
        require(isinstance(steps, int | np.integer) and int(steps) >= 1, self, "steps", steps, "must be a whole number of at least 1")
        check_is_fitted(self, "tail_")
        known = self._window(context)
        num = len(known)
        while len(known) < num + steps:
            known = np.concatenate([known, self.predict_windows(known[None, -self.lag :])[0]])
        return known[num : num + steps]

    def predict_windows(self, windows: Any) -> np.ndarray:
        """(B, horizon, N) forecasts from B windows (B, lag, N). UserError for other shapes, NaN and infinity."""
        check_is_fitted(self, "tail_")
        windows = np.asarray(windows, dtype=np.float64)
        if windows.ndim != 3 or windows.shape[1:] != (self.lag, self.n_series_):
            raise UserError(f"windows have shape {windows.shape}; they must be (B, {self.lag}, {self.n_series_}) as in fitting")
        if not np.isfinite(windows).all():
            raise UserError("windows hold NaN or infinity; fill the gaps first")
        return self._forecast(windows)

    def _window(self, context: Any) -> np.ndarray:
        """The last rows before the forecast."""
        if context is None:
            return self.tail_
        names = None if getattr(context, "columns", None) is None else [str(name) for name in context.columns]
        if self.names_ is not None and names is not None and names != self.names_:
            raise UserError(f"context has the columns {names}, but the forecaster was fitted to {self.names_}, in this order")
        check_even_steps(context, "context")
        rows = series_rows(context, "context")
        if rows.shape[1] != self.n_series_ or len(rows) < self.lag:
            raise UserError(f"context has shape {rows.shape}; it needs {self.n_series_} columns and at least lag={self.lag} rows")
        return rows[-self.lag :]


def series_rows(Y: Any, owner: str) -> np.ndarray:  # noqa: N803
    """Y as finite float64 rows (T, N); UserError naming the first value that is not finite, or what else is wrong."""
    try:
        rows = np.asarray(Y)
        if np.iscomplexobj(rows):
            raise TypeError("complex numbers")
        rows = rows.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise UserError(f"{owner}: the series must be numbers ({error}); remove or encode columns of text and dates") from error
    if rows.ndim == 1:
        rows = rows[:, None]
    if rows.ndim != 2 or rows.size == 0:
        raise UserError(f"{owner}: the series have shape {rows.shape}; give (T,) or (T, N), a row a time step")
    bad = np.argwhere(~np.isfinite(rows))
    if len(bad):
        raise UserError(
            f"{owner}: {len(bad)} values are NaN or infinite, the first in row {bad[0][0]}, column {bad[0][1]}; fill the gaps first"
        )
    return rows
