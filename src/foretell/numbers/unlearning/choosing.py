"""Selects the rows of a table to forget, by a condition on a column or by a file of rows."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from foretell.errors import UserError
from foretell.numbers.tables.reading import is_number, pick, read_table

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "<=": operator.le, ">=": operator.ge, "==": operator.eq, "!=": operator.ne, "<": operator.lt, ">": operator.gt, "=": operator.eq,
}  # fmt: skip
_CONDITION = re.compile(r"(?P<column>.+?)\s*(?P<operator><=|>=|==|!=|<|>|=)\s*(?P<value>.+)")


def rows_to_forget(table: pd.DataFrame, wanted: str) -> np.ndarray:
    """(n,) bool. wanted: `column<value` (or <=, >, >=, =, !=), or a file with some columns of the table, which selects the rows that agree
    with one of its rows in all of these. Errors: UserError for anything else, for a value that is no number in a column of numbers, and for
    a row of the file that the table does not have.

    >>> rows_to_forget(pd.DataFrame({"price": [300, 900]}), "price<500").tolist()
    [True, False]
    """
    if Path(wanted).is_file():
        return _listed(table, Path(wanted))
    found = _CONDITION.fullmatch(wanted.strip())
    if found is None:
        raise UserError(f"--forget {wanted!r} is neither a file of rows nor a condition such as 'price<500'")
    [name] = pick(table, [found["column"].strip().strip("'\"")], "--forget")
    value: Any = found["value"].strip().strip("'\"")
    column = table[name]
    if is_number(column):
        try:
            value = float(value)
        except ValueError as error:
            raise UserError(f"--forget {wanted!r}: {name!r} holds numbers, and {value!r} is none") from error
    elif found["operator"] not in ("=", "==", "!="):
        raise UserError(f"--forget {wanted!r}: {name!r} holds words, which have no order; use = or !=")
    return np.asarray(_OPERATORS[found["operator"]](column, value) & column.notna(), dtype=bool)


def _listed(table: pd.DataFrame, path: Path) -> np.ndarray:
    listed = read_table(path)
    names = pick(table, listed.columns, str(path))
    keys, wanted = ([tuple(row) for row in frame[names].astype(object).itertuples(index=False)] for frame in (table, listed))
    known, chosen = set(keys), set(wanted)
    missing = [place for place, key in enumerate(wanted) if key not in known]
    if missing:
        raise UserError(f"{path}, row {missing[0] + 1}: the table has no such row ({len(missing)} of {len(wanted)} are not there)")
    return np.array([key in chosen for key in keys], dtype=bool)
