"""`SktimeForecaster`: any forecaster of ours with sktime's contract. Needs the extra `sktime`."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pandas as pd
from sklearn.base import clone

try:
    from sktime.forecasting.base import BaseForecaster
except ImportError as error:
    raise ImportError("SktimeForecaster needs sktime: pip install 'foretell[sktime]'") from error

from foretell.numbers.forecasters.olinear_forecaster import OLinearForecaster
from foretell.numbers.forecasters.window_ridge import WindowRidge


class SktimeForecaster(BaseForecaster):
    """sktime's fit(y, fh=...), predict(fh), update(y) and tools around a `Forecaster`; y is a series or a table of several.

    forecaster: what forecasts (None: `OLinearForecaster()`); it is cloned, and its own settings are reached as `forecaster__lag`.
    recursive: whether steps beyond its horizon are forecast from forecasts, where errors add up; otherwise they are refused.
    `update` without new parameters forecasts from the new rows with the weights there are.

    >>> import pandas as pd
    >>> from foretell.numbers import WindowRidge
    >>> from foretell.numbers.forecasting.sktime_adapter import SktimeForecaster
    >>> y = pd.Series(range(30), dtype=float)
    >>> SktimeForecaster(WindowRidge(lag=4, horizon=2, alpha=1e-9)).fit(y, fh=[1, 2]).predict().round(3).tolist()
    [30.0, 31.0]
    """

    _tags: ClassVar[dict[str, Any]] = {
        "capability:multivariate": True,
        "scitype:y": "both",
        "y_inner_mtype": "pd.DataFrame",
        "X_inner_mtype": "pd.DataFrame",
        "capability:exogenous": False,
        "requires-fh-in-fit": False,
        "capability:missing_values": False,
        "capability:insample": False,
        "capability:update": True,
    }

    def __init__(self, forecaster: Any = None, recursive: bool = False) -> None:
        self.forecaster = forecaster
        self.recursive = recursive
        super().__init__()

    def _fit(self, y: pd.DataFrame, X: Any = None, fh: Any = None) -> SktimeForecaster:  # noqa: N803
        self.forecaster_ = OLinearForecaster() if self.forecaster is None else clone(self.forecaster)
        self.forecaster_.fit(y.to_numpy(dtype=float))
        self.rows_ = y  # sktime's own memory of y can be turned off
        return self

    def _predict(self, fh: Any, X: Any = None) -> pd.DataFrame:  # noqa: N803
        steps = np.asarray(fh.to_relative(self.cutoff), dtype=int)
        last = int(steps.max())
        if last > self.forecaster_.horizon and not self.recursive:
            raise ValueError(
                f"fh reaches {last} steps ahead, the forecaster's horizon is {self.forecaster_.horizon}; set forecaster__horizon={last}, "
                "or recursive=True to go on from its own forecasts"
            )
        found = self.forecaster_.predict_further(last, self.rows_.to_numpy(dtype=float))
        return pd.DataFrame(found[steps - 1], index=fh.to_absolute_index(self.cutoff), columns=self.rows_.columns)

    def _update(self, y: pd.DataFrame, X: Any = None, update_params: bool = True) -> SktimeForecaster:  # noqa: N803
        rows = pd.concat([self.rows_.drop(y.index, errors="ignore"), y])
        if update_params:
            return self._fit(rows)
        self.rows_ = rows
        return self

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
        small = OLinearForecaster(lag=4, horizon=3, width=8, copies=2, layers=1, epochs=1, validation_fraction=0, random_state=0)
        return [{"forecaster": WindowRidge(lag=4, horizon=3), "recursive": True}, {"forecaster": small, "recursive": True}]
