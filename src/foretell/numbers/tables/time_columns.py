"""Finds the time of the rows of a table: a column of dates, of numbers that count time, or columns of year and month."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from foretell.errors import UserError
from foretell.numbers.tables.reading import dates_of, is_date, is_number, numbers_of, pick

#: Names of columns that count time, where they do not hold dates.
_NAMES = re.compile(
    r"((unix|epoch)[ _-]*)?(t|times?|timestamp|ts|dates?|datetime|years?|months?|weeks?|days?|hours?|minutes?|seconds?|steps?|periods?"
    r"|epoch|unix|quarters?)([ _-]*(stamp|no|nr|number|index|id|utc|unix|s|ms))?",
    re.IGNORECASE,
)
#: Units of unix time, by the least number that is read so: of 1973 in seconds, and of 1973 in finer units.
_UNITS = {10**8: "s", 10**11: "ms", 10**14: "us", 10**17: "ns"}
#: The dates that unix time is looked for in.
_YEARS = range(1973, 2101)


@dataclass(frozen=True)
class RowTimes:
    """index: of the rows, None where they are only counted. used: the columns that it was made of. said: what was assumed, or ""."""

    index: pd.Index | None = None
    used: tuple[str, ...] = ()
    said: str = ""


def row_times(frame: pd.DataFrame, time: str | None = None, series: Sequence[str] = ()) -> RowTimes:
    """The times of the rows. time: the column that holds them; None finds it out. series: columns that are series and not time.

    Found are, in this order: the only column of dates; columns called year and month (and day); a column of increasing numbers that is
    called like a time; a first column of whole numbers at even steps. Whole numbers of a size and range like unix time become dates.
    Errors: UserError for several columns of dates, and for values that are no times.

    >>> row_times(pd.DataFrame({"year": [1990, 1991, 1992], "y": [3.0, 1.0, 2.0]})).used
    ('year',)
    """
    if time is not None:
        return _of_column(frame, pick(frame, [time], "time")[0], "")
    free = [name for name in frame.columns if name not in series]
    dates = [name for name in frame.columns if is_date(frame[name])]  # which are no series, asked for or not
    if len(dates) > 1:
        raise UserError(f"the columns {', '.join(map(repr, dates))} all hold dates; say which one is the time")
    if dates:
        return _of_column(frame, dates[0], "")
    calendar = _calendar(frame, free)
    if calendar is not None:
        return calendar
    if len(free) < 2 and not series:
        return RowTimes()  # the only column is the series
    for name in free:
        if _counts_time(frame[name], name, first=name == frame.columns[0]):
            return _of_column(frame, name, f"column {name!r} as the time (--time; as a series: --columns)")
    return RowTimes()


def _of_column(frame: pd.DataFrame, name: str, said: str) -> RowTimes:
    column = frame[name]
    if not is_number(column):
        return RowTimes(pd.DatetimeIndex(dates_of(column, name), name=name), (name,), said)
    values = numbers_of(column, name)
    unit = _unix_unit(values)
    if unit is None:
        return RowTimes(pd.Index(values if column.dtype.kind == "f" else column, name=name), (name,), said)
    dates = pd.to_datetime(values.astype(np.int64), unit=unit)
    return RowTimes(pd.DatetimeIndex(dates, name=name), (name,), (said or f"column {name!r}") + f", unix time in {unit}")


def _calendar(frame: pd.DataFrame, free: Sequence[str]) -> RowTimes | None:
    """Dates of columns called year and month, and day where there is one."""
    called = {str(name).strip().lower(): name for name in free if is_number(frame[name])}
    parts = {part: called[part] for part in ("year", "month", "day") if part in called}
    if not {"year", "month"} <= parts.keys():
        return None
    whole = pd.DataFrame({part: frame[name] for part, name in parts.items()}).assign(**({} if "day" in parts else {"day": 1}))
    dates = pd.to_datetime(whole, errors="coerce")
    if dates.isna().any():
        return None
    said = f"columns {', '.join(map(repr, parts.values()))} as the time (--time)"
    return RowTimes(pd.DatetimeIndex(dates, name="date"), tuple(parts.values()), said)


def _counts_time(column: pd.Series, name: str, first: bool) -> bool:
    if not is_number(column) or column.isna().any() or len(column) < 3 or column.dtype.kind == "b":
        return False
    steps = np.diff(column.to_numpy(dtype=float))
    if not (steps > 0).all():
        return False
    whole = np.array_equal(column, np.round(column))
    return bool(_NAMES.fullmatch(str(name).strip())) or bool(whole and first and (np.ptp(steps) == 0 or _unix_unit(column.to_numpy())))


def _unix_unit(values: np.ndarray) -> str | None:
    """The unit where all values are whole and are dates in `_YEARS` in that unit."""
    if not len(values) or not np.array_equal(values, np.round(values)) or not (np.abs(values) < 2**62).all():
        return None
    for least, unit in reversed(_UNITS.items()):
        if values.min() >= least:
            years = pd.to_datetime(np.array([values.min(), values.max()]).astype(np.int64), unit=unit, errors="coerce").year
            return unit if all(year in _YEARS for year in years) else None
    return None
