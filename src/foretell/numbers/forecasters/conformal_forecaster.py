"""`ConformalForecaster`: intervals around any forecaster, for each step ahead, that adapt as rows arrive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone
from sklearn.utils.validation import check_is_fitted

from foretell.errors import UserError
from foretell.numbers.column_distributions import ColumnDistributions
from foretell.numbers.conformal.adaptive import AdaptiveLevel
from foretell.numbers.conformal.distribution import ConformalDistribution, few_ranks
from foretell.numbers.conformal.quantile import check_coverage, conformal_quantile, needed_rows
from foretell.numbers.conformal.rolling import forecast_windows, rolling_forecasts
from foretell.numbers.forecasters.base import series_rows
from foretell.numbers.forecasters.seasonal_naive import SeasonalNaive
from foretell.numbers.forecasting.time_steps import check_even_steps
from foretell.parts import require


@dataclass(eq=False, repr=False)
class ConformalForecaster(MetaEstimatorMixin, BaseEstimator):
    """The last rows are held out of a first fit. Over rolling windows through them, quantiles of its absolute errors give the width of
    intervals, separately for each series and each step ahead. Then the forecaster is fitted to all rows. Rows that arrive later widen or
    narrow the intervals (`update`).

    forecaster: any, None is `SeasonalNaive()`. coverage: of intervals, where none is asked for. calibration_share: share of the rows that
    is held out. rate: of adaptation, 0 for none. refit: False keeps the first fit, which did not see the latest rows.

    Guarantee: bounded. As rows arrive, the share of misses of each step and series approaches 1 - coverage for any series, at the rate that
    `AdaptiveLevel` states. Before the first `update`, coverage is that of split conformal prediction only as far as errors of later windows
    are like those of the held-out windows, which overlap, and as far as the second fit errs as the first did. Needs: ceil(coverage / (1 -
    coverage)) + horizon - 1 held-out rows. Cost: two fits, and a forecast for each held-out row and for each row that arrives. Errors:
    those of the forecaster; UserError for too few held-out rows, with the needed number.

    State: forecaster_ (fitted), scores_ (M, horizon, N) sorted, recent_ the same in order of time, level_ (horizon, N),
    pending_ (horizon, horizon, N), the latest forecasts, newest last; tail_ (lag, N).

    Paper: Gibbs and Candès (2021), Adaptive conformal inference under distribution shift. Departure: scores are those of the last M
    windows, and each step ahead has its own level.

    >>> rows = np.random.RandomState(0).normal(size=(300, 2))
    >>> fitted = ConformalForecaster(SeasonalNaive(lag=4, horizon=3)).fit(rows)
    >>> fitted.predict_interval().shape, fitted.update(rows[:5]).predict_interval(2, coverage=0.5).shape
    ((3, 2, 2), (2, 2, 2))
    """

    papers = ("adaptive-conformal",)

    forecaster: Any = None
    coverage: float = 0.9
    calibration_share: float = 0.25
    rate: float = 0.005
    refit: bool = True

    @classmethod
    def examples(cls) -> list[ConformalForecaster]:
        """Small settings for checks."""
        return [cls(SeasonalNaive(lag=8, horizon=5, season=3), coverage=0.8)]

    @property
    def lag(self) -> int:
        """Rows that a forecast depends on: the forecaster's."""
        return (SeasonalNaive() if self.forecaster is None else self.forecaster).lag

    @property
    def horizon(self) -> int:
        """Rows that are forecast at once: the forecaster's."""
        return (SeasonalNaive() if self.forecaster is None else self.forecaster).horizon

    def fit(self, Y: Any) -> Any:  # noqa: N803
        """Fit to Y: (T, N) or (T,) array, or a table. UserError as the forecaster's, and for too few held-out rows."""
        check_coverage(self, self.coverage)
        require(0 < self.calibration_share < 1, self, "calibration_share", self.calibration_share, "must lie between 0 and 1")
        check_even_steps(Y, type(self).__name__)
        rows = series_rows(Y, type(self).__name__)
        num_held = round(self.calibration_share * len(rows))
        least = needed_rows(self.coverage) + self.horizon - 1
        if num_held < least:
            raise UserError(
                f"ConformalForecaster: {num_held} of {len(rows)} rows held out are too few for coverage={self.coverage:g} and "
                f"horizon={self.horizon}, which need {least}; give at least {int(np.ceil(least / self.calibration_share))} rows, or change "
                "calibration_share, coverage or horizon"
            )
        inner = clone(SeasonalNaive() if self.forecaster is None else self.forecaster)
        self.forecaster_ = inner.fit(Y[:-num_held] if not hasattr(Y, "iloc") else Y.iloc[:-num_held])
        said, came = rolling_forecasts(self.forecaster_, rows[len(rows) - num_held - self.lag :])
        self.recent_ = np.abs(came - said)
        self.scores_ = np.sort(self.recent_, axis=0)
        self.level_ = np.full(self.recent_.shape[1:], 1 - self.coverage)
        if self.refit:
            self.forecaster_ = clone(inner).fit(Y)
        last = len(rows) - self.lag
        self.pending_ = forecast_windows(self.forecaster_, rows, range(last - self.horizon + 1, last + 1))
        self.tail_ = rows[-self.lag :].copy()
        self.n_series_, self.names_ = self.forecaster_.n_series_, self.forecaster_.names_
        return self

    def update(self, Y: Any) -> Any:  # noqa: N803
        """Take in the true rows (k, N) that follow the rows known so far, in order. Each is compared with its forecasts of one to `horizon`
        rows before; levels, scores and the window that forecasts start from are updated."""
        check_is_fitted(self, "tail_")
        check_even_steps(Y, type(self).__name__)
        rows = series_rows(Y, type(self).__name__)
        if rows.shape[1] != self.n_series_:
            raise UserError(f"Y has {rows.shape[1]} series, but the forecaster was fitted to {self.n_series_}")
        adaptive, steps = AdaptiveLevel(self.rate), np.arange(self.horizon)
        for row in rows:
            errors = np.abs(row - self.pending_[self.horizon - 1 - steps, steps])  # forecast h + 1 rows ago, for h + 1 steps ahead
            self.recent_, self.level_ = adaptive.observe(self.recent_, self.level_, errors, self.coverage)
            self.tail_ = np.concatenate([self.tail_[1:], row[None]])
            self.pending_ = np.concatenate([self.pending_[1:], self.forecaster_.predict_windows(self.tail_[None])])
        self.scores_ = np.sort(self.recent_, axis=0)
        return self

    def predict(self, horizon: int | None = None, context: Any = None) -> np.ndarray:
        """(h, N): the forecaster's own forecast of the rows after the last known one, or after `context`."""
        check_is_fitted(self, "tail_")
        return self.forecaster_.predict(horizon, self.tail_ if context is None else context)

    def predict_windows(self, windows: Any) -> np.ndarray:
        """(B, horizon, N) forecasts from B windows (B, lag, N): the forecaster's own."""
        check_is_fitted(self, "tail_")
        return self.forecaster_.predict_windows(windows)

    def predict_interval(self, horizon: int | None = None, coverage: float | None = None, context: Any = None) -> np.ndarray:
        """(h, N, 2): lower and upper end for each step and series. The level adapts for the coverage that was set; for other coverages only
        the scores do. Ends are infinite where many consecutive misses left no score large enough."""
        middle = self.predict(horizon, context)
        coverage = self.coverage if coverage is None else coverage
        check_coverage(self, coverage)
        if coverage == self.coverage:
            least = AdaptiveLevel(self.rate).least(self.scores_, self.level_)
        else:
            least = conformal_quantile(self.scores_, coverage)
        half = np.maximum(least[: len(middle)], 0)
        return np.stack([middle - half, middle + half], axis=2)

    def predict_distribution(self, horizon: int | None = None, context: Any = None) -> ColumnDistributions:
        """The distribution of each step and series, results (h, N, ...), whose central intervals are those of `predict_interval`, without
        the adaptation of the level by `update`."""
        middle = self.predict(horizon, context)
        ranks = few_ranks(len(self.scores_))
        half = np.maximum(self.scores_[ranks - 1, : len(middle)], 0)
        ends = np.stack([middle - half, middle + half], axis=-1)  # (m, h, N, 2)
        columns = [ConformalDistribution(ends[:, :, i], middle[:, i], len(self.scores_), ranks) for i in range(self.n_series_)]
        return ColumnDistributions(columns)
