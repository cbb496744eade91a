"""Reads series from a CSV file: a column of time stamps, and columns of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from foretell.errors import UserError
from foretell.numbers.forecasting.time_steps import check_even_steps
from foretell.numbers.tables.reading import numbers_of, pick, read_table
from foretell.numbers.tables.time_columns import row_times


def read_series(path: Path | str, time: str | None = None, columns: Sequence[str] = ()) -> pd.DataFrame:
    """Series (T, N) of a file by time stamp; see `series_of`."""
    return series_of(read_table(path), time, columns)


def series_of(frame: pd.DataFrame, time: str | None = None, columns: Sequence[str] = ()) -> pd.DataFrame:
    """Series (T, N) by time stamp, at even steps in order of time.

    time: the column of time stamps (or of evenly increasing numbers); None takes what `row_times` finds, and rows count as steps where
    it finds nothing. columns: which series; none named takes all others. `attrs["assumed"]` of the result is what was assumed of the time,
    or "". Errors: UserError naming column, row and value for what is no time, no number or missing; and for time stamps that repeat, go
    back or leave steps out, with a remedy.
    """
    times = row_times(frame, time, columns)
    names = pick(frame, columns, "columns") if columns else [name for name in frame.columns if name not in times.used]
    if set(times.used) & set(names) or not names:
        raise UserError(f"there is no series beside the time column {', '.join(map(repr, times.used))}; name others by columns")
    found = pd.DataFrame({name: numbers_of(frame[name], name) for name in names})
    if times.index is not None:
        found.index = times.index
        check_even_steps(found, f"column {' and '.join(map(repr, times.used))}")
        if isinstance(found.index, pd.DatetimeIndex) and len(found) > 2:
            found.index.freq = pd.infer_freq(found.index)
    found.attrs["assumed"] = times.said
    return found


def stamps_after(series: pd.DataFrame, steps: int) -> pd.Index:
    """The time stamps of the `steps` rows that follow: with the same time step, or numbers that continue.

    >>> stamps_after(pd.DataFrame({"a": [1.0, 2.0]}, index=[10, 12]), 2).tolist()
    [14, 16]
    """
    index = series.index
    if isinstance(index, pd.DatetimeIndex) and len(index) < 2:
        raise UserError(f"{len(index)} row says no time step; give a series of two rows or more")
    if isinstance(index, pd.DatetimeIndex):
        step = index.freq if index.freq is not None else index[-1] - index[-2]
        return pd.date_range(index[-1], periods=steps + 1, freq=step)[1:]
    step = index[-1] - index[-2] if len(index) > 1 else 1
    return pd.Index(index[-1] + step * np.arange(1, steps + 1), name=index.name)
