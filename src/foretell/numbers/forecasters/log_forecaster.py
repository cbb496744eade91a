"""`LogForecaster`: forecasts the logarithms of positive series."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone

from foretell.errors import UserError
from foretell.numbers.forecasters.base import Forecaster
from foretell.numbers.forecasters.window_ridge import WindowRidge


@dataclass(eq=False, repr=False)
class LogForecaster(Forecaster):
    """Another forecaster of the logarithms, whose forecasts are turned back: for series that grow by shares of their size, and whose
    seasons and errors grow with them.

    forecaster: None is `WindowRidge(centre="none")`. Its lag and horizon are set to those of this one. A forecast of a mean or median
    logarithm is a median of the series, so its mean lies higher. Needs: values above 0 in fitting; later values below the least of these
    are taken as that value. Errors: UserError for values of 0 or below, and those of the forecaster.

    State: forecaster_ (fitted), least_ (N,), the least value of each series, and those of `Forecaster`.

    >>> model = LogForecaster(4, 2, WindowRidge(centre="last", alpha=1e-9)).fit(2.0 ** np.arange(20))
    >>> model.predict()[:, 0].round(1).tolist()
    [1048576.0, 2097152.0]
    """

    forecaster: Any = None

    @classmethod
    def examples(cls) -> list[LogForecaster]:
        return [cls(8, 5, WindowRidge())]

    def _fit_series(self, Y: np.ndarray) -> None:  # noqa: N803
        self.least_ = Y.min(axis=0)
        if not (self.least_ > 0).all():
            row, column = np.argwhere(Y <= 0)[0]
            raise UserError(f"LogForecaster: the value in row {row}, column {column} is {Y[row, column]:g}; logarithms need values above 0")
        inner = clone(WindowRidge(centre="none") if self.forecaster is None else self.forecaster)
        self.forecaster_ = inner.set_params(lag=self.lag, horizon=self.horizon).fit(np.log(Y))

    def _forecast(self, windows: np.ndarray) -> np.ndarray:
        return np.exp(np.minimum(self.forecaster_.predict_windows(np.log(np.maximum(windows, self.least_))), 700))
