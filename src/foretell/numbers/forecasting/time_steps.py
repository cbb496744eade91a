"""Checks that the rows of a table are at even time steps, by its index."""

from __future__ import annotations

from typing import Any

import numpy as np

from foretell.errors import UserError


def check_even_steps(table: Any, owner: str) -> None:
    """UserError where a pandas table's index has repeats, goes back or leaves steps out. Arrays, and tables with an index of names, pass.

    Even steps are equal differences, and the calendar steps that pandas knows (months, business days). owner: the name in the message.
    """
    import pandas as pd

    index = getattr(table, "index", None)
    if not isinstance(index, pd.Index) or len(index) < 2:
        return
    if isinstance(index, pd.MultiIndex):
        raise UserError(f"{owner}: the index has {index.nlevels} levels; give a row a time step and a column a series (see from_long)")
    times = isinstance(index, pd.DatetimeIndex | pd.PeriodIndex | pd.TimedeltaIndex)
    if not times and not pd.api.types.is_numeric_dtype(index):
        return  # names are no times
    kind = "time stamp" if times else "index value"
    if not index.is_unique:
        twice = index[index.duplicated()][0]
        raise UserError(
            f"{owner}: the {kind} {twice!s} comes more than once; keep one row a step, e.g. by groupby(level=0).mean(); "
            "where clocks were set back, write the offset from UTC behind the time"
        )
    if not index.is_monotonic_increasing:
        raise UserError(f"{owner}: the {kind}s are not in order; sort the rows, e.g. by sort_index()")
    steps = np.diff(index.asi8 if times else np.asarray(index)).astype(float)
    if np.allclose(steps, steps[0], rtol=1e-6, atol=0):
        return
    if isinstance(index, pd.DatetimeIndex) and len(index) > 2 and pd.infer_freq(index) is not None:
        return
    values, counts = np.unique(steps, return_counts=True)
    first = int(np.argmax(steps != values[np.argmax(counts)]))
    raise UserError(
        f"{owner}: the {kind}s are not at even steps: {index[first]!s} is followed by {index[first + 1]!s}; bring them to one step, "
        "e.g. by asfreq() or resample(), and fill the gaps"
    )
