"""Long tables to wide ones and back."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from foretell.numbers.forecasting.long_frames import from_long, to_long


@pytest.fixture
def long():
    days = pd.date_range("2024-01-01", periods=4)
    return pd.DataFrame({"unique_id": np.repeat(["b", "a"], 4), "ds": [*days, *days], "y": np.arange(8.0)})


def test_there_and_back(long):
    wide = from_long(long.sample(frac=1, random_state=0))
    assert sorted(wide.columns) == ["a", "b"]
    assert wide["b"].tolist() == [0.0, 1.0, 2.0, 3.0]
    assert list(from_long(long).columns) == ["b", "a"]
    pd.testing.assert_frame_equal(to_long(from_long(long)), long)


def test_polars(long):
    import polars as pl

    wide = from_long(pl.DataFrame({name: long[name].to_list() for name in long}))
    np.testing.assert_array_equal(wide.to_numpy(), from_long(long).to_numpy())
    np.testing.assert_array_equal(wide.index.to_numpy(), from_long(long).index.to_numpy())


def test_bad_tables(long):
    with pytest.raises(ValueError, match=r"no column 'y' among .*values="):
        from_long(long.rename(columns={"y": "value"}))
    with pytest.raises(ValueError, match="unique_id='b' occurs more than once at ds=2024-01-01"):
        from_long(pd.concat([long, long.iloc[:1]]))
    with pytest.raises(ValueError, match=r"unique_id='b' has no value at ds=2024-01-02.*1 gaps"):
        from_long(long.drop(index=1))
