"""Reads a table from a CSV file; errors name column, row and value."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from foretell.errors import UserError
from foretell.parts import UnknownNameError, nearest

#: A column with this share of numbers is taken to be meant as numbers.
MEANT = 0.8


def read_table(path: Path | str, as_text: Sequence[str] = ()) -> pd.DataFrame:
    """The rows of a file of comma-separated values (tabs where its name ends in .tsv), numbers as numbers and everything else as text.

    as_text: columns to read as text. Empty cells and NA are missing. Errors: UserError for no file content, no rows, columns without or
    with the same name, rows of another length. Rows are counted from 1, below the head.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path} is not a file; give a table as comma-separated values with a head")
    separator = "\t" if path.suffix.lower() == ".tsv" else ","
    with path.open("rb") as data:
        if any(b"\0" in piece for piece in iter(lambda: data.read(1 << 20), b"")):
            raise UserError(f"{path} holds NUL bytes, so it is no table in UTF-8; save it as UTF-8")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            head = [name.strip() for name in next(csv.reader(file, delimiter=separator), [])]
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is no table in UTF-8 ({error}); save it as UTF-8") from error
    if not any(head):
        raise UserError(f"{path} is empty; its first line must name the columns")
    twice = sorted({name for name in head if head.count(name) > 1})
    if twice or "" in head:
        what = f"has two columns called {twice[0]!r}" if twice and twice[0] else f"has no name for column {head.index('') + 1}"
        raise UserError(f"{path} {what}; each column needs a name of its own")
    texts = dict.fromkeys((name for name in as_text if name in head), str)
    try:
        with path.open(encoding="utf-8-sig") as file:  # which makes line ends alike: pandas may wait for ever on many "\r" alone
            frame = pd.read_csv(file, sep=separator, skipinitialspace=True, dtype=texts, low_memory=False)
    except (pd.errors.ParserError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is no table: {' '.join(str(error).split())}") from error
    if len(frame) == 0:
        raise UserError(f"{path} has a head but no rows")
    if list(frame.index[:1]) != [0]:
        raise UserError(f"{path} has more cells in its rows than names in its head; name every column")
    return frame.set_axis(head, axis=1)


def pick(frame: pd.DataFrame, names: Iterable[str], what: str) -> list[str]:
    """These names, which must be columns of the table; UnknownNameError with the nearest one otherwise."""
    names = list(names)
    for name in names:
        if name not in frame.columns:
            raise UnknownNameError(f"{what}={name!r} is no column of the table: {nearest(name, map(str, frame.columns))}")
    return names


def is_number(column: pd.Series) -> bool:
    """Whether a column holds only numbers (or truth values)."""
    return bool(pd.api.types.is_numeric_dtype(column))


def numbers_of(column: pd.Series, name: str, missing: bool = False) -> np.ndarray:
    """(n,) float64; UserError naming the row and value of the first that is no number. missing: return missing values as NaN."""
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    absent = column.isna().to_numpy()
    wrong = np.flatnonzero(np.isnan(values) & ~absent)
    if len(wrong):
        row = wrong[0]
        share = f" ({len(wrong)} of {len(column)} are not)" if len(wrong) > 1 else ""
        raise UserError(f"column {name!r}, row {row + 1}: {column.iloc[row]!r} is no number{share}; correct it, or leave the column out")
    endless = np.flatnonzero(np.isinf(values))
    if len(endless):
        raise UserError(f"column {name!r}, row {endless[0] + 1}: {values[endless[0]]} is no finite number; correct it or drop the row")
    if absent.any() and not missing:
        raise UserError(
            f"column {name!r}, row {int(np.argmax(absent)) + 1}: the value is missing, NaN ({int(absent.sum())} are); fill it, "
            "drop the row, or ask for imputation"
        )
    return values


def target_of(frame: pd.DataFrame, name: str) -> np.ndarray:
    """(n,): the numbers to predict; UserError for one row, and where all are equal."""
    [name] = pick(frame, [name], "target")
    values = numbers_of(frame[name], name)
    if len(values) < 2:
        raise UserError("the table has one row; fitting needs at least two")
    if np.ptp(values) == 0:
        raise UserError(f"the target {name!r} is {values[0]:g} in all {len(values)} rows; there is nothing to learn")
    return values


def words_of(column: pd.Series, name: str, asked: bool = False) -> np.ndarray:
    """(n,) object: categories as text, missing ones as None. UserError for a column that looks like numbers with errors, unless `asked`
    declares it a category."""
    parsed = pd.to_numeric(column, errors="coerce")
    given = ~column.isna()
    share = float((parsed.notna() & given).sum() / max(given.sum(), 1))
    if not asked and MEANT <= share < 1:
        row = int(np.argmax((parsed.isna() & given).to_numpy()))
        raise UserError(
            f"column {name!r}, row {row + 1}: {column.iloc[row]!r} is no number, but {share:.0%} of the column are; correct it, or name "
            "the column a category"
        )
    found = column.astype(object).to_numpy()
    return np.array([None if absent else str(value) for value, absent in zip(found, ~given, strict=True)], dtype=object)
