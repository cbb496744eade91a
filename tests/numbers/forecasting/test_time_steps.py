"""Times that repeat, go back or leave steps out are refused by every forecaster."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from foretell.numbers.forecasters.seasonal_naive import SeasonalNaive
from foretell.numbers.forecasting.time_steps import check_even_steps

DAYS = pd.date_range("2024-01-01", periods=30)


def table(index):
    return pd.DataFrame({"a": np.arange(float(len(index)))}, index=index)


@pytest.mark.parametrize(
    "index",
    [
        DAYS,
        pd.date_range("2024-01-31", periods=30, freq="ME"),
        pd.date_range("2024-01-01", periods=30, freq="B"),
        pd.period_range("2024-01", periods=30, freq="M"),
        pd.RangeIndex(5, 95, 3),
        pd.timedelta_range("0s", periods=30, freq="5min"),
        pd.Index(np.arange(30) / 10),
        pd.Index([f"row {i}" for i in range(30)]),
    ],
    ids=["days", "months", "business", "periods", "range", "minutes", "tenths", "names"],
)
def test_even_steps(index):
    SeasonalNaive(lag=4, horizon=2).fit(table(index))


@pytest.mark.parametrize(
    ("index", "said"),
    [
        (DAYS[[0, 1, 1, 2, 3, 4, 5]], r"time stamp 2024-01-02 .* more than once.*groupby"),
        (DAYS[[0, 2, 1, 3, 4, 5, 6]], r"not in order; sort"),
        (DAYS[[0, 1, 2, 4, 5, 6, 7]], r"not at even steps: 2024-01-03 .* followed by 2024-01-05.*asfreq"),
        (pd.Index([0, 1, 2, 4, 5, 6, 7]), r"index values are not at even steps: 2 is followed by 4"),
        (pd.period_range("2024-01", periods=8, freq="M")[[0, 1, 2, 3, 4, 5, 7]], r"not at even steps: 2024-06"),
        (pd.RangeIndex(10, 0, -1), r"index values are not in order"),
        (pd.MultiIndex.from_product([["a"], range(7)]), r"2 levels.*from_long"),
    ],
    ids=["twice", "back", "gap", "numbers", "periods", "reversed", "levels"],
)
def test_uneven_steps_are_refused_in_fit_and_in_context(index, said):
    with pytest.raises(ValueError, match=said):
        SeasonalNaive(lag=4, horizon=2).fit(table(index))
    fitted = SeasonalNaive(lag=4, horizon=2).fit(table(DAYS))
    with pytest.raises(ValueError, match=said):
        fitted.predict(context=table(index))


def test_arrays_and_polars_have_no_index():
    import polars as pl

    check_even_steps(np.zeros((3, 2)), "x")
    check_even_steps(pl.DataFrame({"a": [1.0, 2.0]}), "x")
