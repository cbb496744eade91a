"""Conversion between long tables (one row an observation: unique_id, ds, y) and wide ones (one row a time step, one column a series)."""

from __future__ import annotations

from typing import Any

from foretell.errors import UserError


def from_long(frame: Any, ids: str = "unique_id", times: str = "ds", values: str = "y") -> Any:
    """A pandas table (T, N), rows in order of time, columns in order of their first row in `frame` (pandas or polars).

    ids, times, values: names of its columns. Errors: UserError for a missing column, for an observation that occurs twice, and for one that
    is missing (all series must have all times).

    >>> import pandas as pd
    >>> long = pd.DataFrame({"unique_id": ["a", "b", "a", "b"], "ds": [0, 0, 1, 1], "y": [1.0, 5.0, 2.0, 6.0]})
    >>> from_long(long).to_numpy().tolist()
    [[1.0, 5.0], [2.0, 6.0]]
    """
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):  # polars' own conversion to pandas needs pyarrow
        frame = pd.DataFrame(frame.to_dict(as_series=False))
    missing = [name for name in (ids, times, values) if name not in frame.columns]
    if missing:
        raise UserError(f"from_long: no column {missing[0]!r} among {list(frame.columns)}; name it by ids=, times= or values=")
    twice = frame.duplicated([ids, times])
    if twice.any():
        first = frame.loc[twice, [ids, times]].iloc[0]
        raise UserError(f"from_long: {ids}={first[ids]!r} occurs more than once at {times}={first[times]!s}; keep one row of each")
    wide = frame.pivot(index=times, columns=ids, values=values)[list(dict.fromkeys(frame[ids]))].sort_index()
    gaps = wide.isna()
    if gaps.to_numpy().any():
        column = gaps.any().idxmax()
        raise UserError(
            f"from_long: {ids}={column!r} has no value at {times}={gaps[column].idxmax()!s} ({int(gaps.to_numpy().sum())} gaps in all); "
            "fill the gaps, or keep the times that all series have"
        )
    wide.columns = wide.columns.rename(None)
    return wide


def to_long(wide: Any, ids: str = "unique_id", times: str = "ds", values: str = "y") -> Any:
    """The long table of a wide one; the inverse of `from_long`.

    >>> import pandas as pd
    >>> to_long(pd.DataFrame({"a": [1.0, 2.0], "b": [5.0, 6.0]})).to_numpy().tolist()
    [['a', 0, 1.0], ['a', 1, 2.0], ['b', 0, 5.0], ['b', 1, 6.0]]
    """
    return wide.rename_axis(index=times).reset_index().melt(id_vars=times, var_name=ids, value_name=values)[[ids, times, values]]
