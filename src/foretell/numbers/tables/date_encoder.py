"""`DateEncoder`: dates and times as numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

#: What repeats: its name, and the share of it that has passed.
_CYCLES = {
    "year": lambda day: (day.dt.dayofyear - 1) / 365.25,
    "week": lambda day: day.dt.dayofweek / 7,
    "day": lambda day: (day.dt.hour + day.dt.minute / 60) / 24,
}


@dataclass(eq=False, repr=False)
class DateEncoder(TransformerMixin, BaseEstimator):
    """Each column of dates as days since 1970, and as sine and cosine of the time of year, of the day of the week and of the time of day,
    of which those are left out that do not vary in the fitted rows.

    State: names_ of the columns that result. X: a pandas table of datetime64 columns; missing dates become NaN.

    >>> table = pd.DataFrame({"when": pd.to_datetime(["2024-01-01", "2024-01-08", "2024-07-01"])})
    >>> DateEncoder().fit(table).get_feature_names_out().tolist()
    ['when (days)', 'when (year, sine)', 'when (year, cosine)']
    """

    def fit(self, X: Any, y: Any = None) -> Any:  # noqa: N803
        """Find out what varies."""
        found = _features(X)
        self.names_ = [name for name in found if name.endswith("(days)") or np.ptp(found[name].dropna(), axis=0) > 1e-9]
        return self

    def transform(self, X: Any) -> np.ndarray:  # noqa: N803
        """(n, columns) float64."""
        check_is_fitted(self, "names_")
        return _features(X)[self.names_].to_numpy(dtype=float)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Such as "when (week, sine)"."""
        check_is_fitted(self, "names_")
        return np.array(self.names_, dtype=object)


def _features(table: pd.DataFrame) -> pd.DataFrame:
    found = {}
    for name in table.columns:
        day = table[name]
        found[f"{name} (days)"] = (day - pd.Timestamp(1970, 1, 1)) / pd.Timedelta(days=1)
        for cycle, share in _CYCLES.items():
            angle = 2 * np.pi * share(day)
            found[f"{name} ({cycle}, sine)"], found[f"{name} ({cycle}, cosine)"] = np.sin(angle), np.cos(angle)
    return pd.DataFrame(found)
