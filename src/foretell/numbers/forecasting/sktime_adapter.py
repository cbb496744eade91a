"""`SktimeForecaster`: any forecaster of ours with sktime's contract. Needs the extra `sktime`, imported when it is first asked for."""

from __future__ import annotations

from functools import cache
from typing import Any, ClassVar

import numpy as np
from sklearn.base import clone

from foretell.errors import MissingPackageError, UserError


def __getattr__(name: str) -> Any:
    if name != "SktimeForecaster":
        raise AttributeError(name)
    return _sktime_forecaster()


@cache
def _sktime_forecaster() -> type:
    """The class, which cannot be written down before sktime is there."""
    try:
        import pandas as pd
        from sktime.forecasting.base import BaseForecaster
    except ImportError as error:
        raise MissingPackageError("SktimeForecaster needs sktime: pip install 'foretell[sktime]'") from error

    from foretell.numbers.forecasters.olinear_forecaster import OLinearForecaster
    from foretell.numbers.forecasters.window_ridge import WindowRidge

    class SktimeForecaster(BaseForecaster):
        """sktime's fit(y, fh=...), predict(fh), update(y) and tools around a `Forecaster`; y is a series or a table of several.

        forecaster: what forecasts (None: `OLinearForecaster()`); it is cloned, and its own settings are reached as `forecaster__lag`.
        recursive: whether steps beyond its horizon are forecast from forecasts, where errors add up; otherwise they are refused.
        `update` without new parameters forecasts from the new rows with the weights there are; the width of conformal intervals follows the
        new rows all the same. `predict_interval` and `predict_quantiles` are there where the forecaster has a distribution
        (`ConformalForecaster`), up to its horizon.

        >>> import pandas as pd
        >>> from foretell.numbers import WindowRidge
        >>> from foretell.numbers.forecasting.sktime_adapter import SktimeForecaster
        >>> y = pd.Series(range(30), dtype=float)
        >>> SktimeForecaster(WindowRidge(lag=4, horizon=2, alpha=1e-9)).fit(y, fh=[1, 2]).predict().round(3).tolist()
        [30.0, 31.0]
        """

        __qualname__ = "SktimeForecaster"  # where pickle finds it: this module's `__getattr__`

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
            if hasattr(forecaster, "predict_interval"):
                self.set_tags(**{"capability:pred_int": True})

        def _fit(self, y: Any, X: Any = None, fh: Any = None) -> Any:  # noqa: N803
            self.forecaster_ = OLinearForecaster() if self.forecaster is None else clone(self.forecaster)
            self.forecaster_.fit(y.to_numpy(dtype=float))
            self.rows_ = y  # sktime's own memory of y can be turned off
            return self

        def _steps(self, fh: Any) -> np.ndarray:
            return np.asarray(fh.to_relative(self.cutoff), dtype=int)

        def _predict(self, fh: Any, X: Any = None) -> Any:  # noqa: N803
            steps, ours = self._steps(fh), self.forecaster_
            last, known = int(steps.max()), self.rows_.to_numpy(dtype=float)
            if last > ours.horizon and not self.recursive:
                raise UserError(
                    f"fh reaches {last} steps ahead, the forecaster's horizon is {ours.horizon}; set forecaster__horizon={last}, or "
                    "recursive=True to go on from its own forecasts"
                )
            found = ours.predict(last, known) if last <= ours.horizon else ours.predict_further(last, known)
            return pd.DataFrame(found[steps - 1], index=fh.to_absolute_index(self.cutoff), columns=self.rows_.columns)

        def _predict_interval(self, fh: Any, X: Any, coverage: Any) -> Any:  # noqa: N803
            steps, known = self._steps(fh), self.rows_.to_numpy(dtype=float)
            found = [self.forecaster_.predict_interval(int(steps.max()), each, known)[steps - 1] for each in coverage]
            columns = pd.MultiIndex.from_product([self._get_varnames(), coverage, ["lower", "upper"]])
            values = np.stack(found, axis=2).reshape(len(steps), -1)  # (steps, N, coverage, 2)
            return pd.DataFrame(values, index=fh.to_absolute_index(self.cutoff), columns=columns)

        def _predict_quantiles(self, fh: Any, X: Any, alpha: Any) -> Any:  # noqa: N803
            steps, known = self._steps(fh), self.rows_.to_numpy(dtype=float)
            said = self.forecaster_.predict_distribution(int(steps.max()), known)
            columns = pd.MultiIndex.from_product([self._get_varnames(), alpha])
            values = said.quantile(np.array(alpha, dtype=float))[steps - 1].reshape(len(steps), -1)  # (steps, N, alpha)
            return pd.DataFrame(values, index=fh.to_absolute_index(self.cutoff), columns=columns)

        def _update(self, y: Any, X: Any = None, update_params: bool = True) -> Any:  # noqa: N803
            new = y[~y.index.isin(self.rows_.index)]
            rows = pd.concat([self.rows_.drop(y.index, errors="ignore"), y])
            if update_params:
                return self._fit(rows)
            if hasattr(self.forecaster_, "update") and len(new):
                self.forecaster_.update(new.to_numpy(dtype=float))
            self.rows_ = rows
            return self

        @classmethod
        def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
            small = OLinearForecaster(lag=4, horizon=3, width=8, copies=2, layers=1, epochs=1, validation_fraction=0, random_state=0)
            return [{"forecaster": WindowRidge(lag=4, horizon=3), "recursive": True}, {"forecaster": small, "recursive": True}]

    return SktimeForecaster
