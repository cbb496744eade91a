"""Reads a table from a file of delimited text, and checks its columns; errors name column, row and value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from foretell.errors import UserError
from foretell.numbers.tables.cells import named_cells
from foretell.numbers.tables.date_text import read_dates
from foretell.numbers.tables.file_text import read_text
from foretell.numbers.tables.layout import BLANKS, DELIMITERS, TableLayout, find_delimiter
from foretell.numbers.tables.number_text import MEANT
from foretell.numbers.tables.typed_columns import read_columns
from foretell.parts import UnknownNameError, nearest


@dataclass(frozen=True)
class TableFile:
    """frame: the rows, with numbers, truth values, dates and texts as such. layout: how the file writes them, with nothing left open.
    assumed: what was assumed that is not plain, one phrase each, with the option that says otherwise."""

    frame: pd.DataFrame
    layout: TableLayout
    assumed: list[str]

    def line(self, path: Path | str) -> str:
        """The assumptions in one line, "" where there are none."""
        return f"{Path(path).name} was read with {'; '.join(self.assumed)}" if self.assumed else ""


def read_table(path: Path | str, as_text: Sequence[str] = ()) -> pd.DataFrame:
    """The rows of a file as `read_file` finds them."""
    return read_file(path, as_text).frame


def read_file(
    path: Path | str, as_text: Sequence[str] = (), layout: TableLayout | None = None, like: TableLayout | None = None
) -> TableFile:
    """The rows of a file of values with a head: separated by commas, semicolons, tabs, bars or blanks; packed or not.

    as_text: columns to read as text. layout: what is known of the file; the rest is found out. like: of a file like this one, which decides
    where the cells do not tell (1,234; 01/02/2024) and names dates and missing values where `layout` does not. Empty cells and NA are
    missing, and signs such as ? or - among numbers and dates.
    Errors: UserError for no file content, no rows, columns without or with the same name, rows of another length. Rows are counted from
    1, below the head.
    """
    path, layout, like = Path(path), layout or TableLayout(), like or TableLayout()
    if not path.is_file():
        raise UserError(f"{path} is not a file; give a table as comma-separated values with a head")
    text, encoding, packing = read_text(path, layout.encoding)
    assumed = [f"{packing} unpacked"] if packing else []
    if not layout.encoding and not encoding.startswith("utf-8"):
        assumed.append(f"the encoding {encoding} (--encoding)")
    told = re.match(r"sep=(.)\n", text)  # a line that Excel reads and writes
    text = text[told.end() :] if told else text
    delimiter = layout.delimiter or (told[1] if told else find_delimiter(text, path))
    if not layout.delimiter and delimiter != ("\t" if ".tsv" in path.suffixes else ","):
        assumed.append(f"{DELIMITERS.get(delimiter, 'blanks' if delimiter == BLANKS else repr(delimiter))} between cells (--delimiter)")
    frame, dropped = named_cells(text, path, delimiter, layout.missing or like.missing)
    assumed += dropped
    found = read_columns(frame, as_text, replace(layout, delimiter=delimiter, encoding=encoding), like)
    return TableFile(found.frame, found.layout, assumed + found.assumed)


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


def is_date(column: pd.Series) -> bool:
    """Whether a column holds dates."""
    return bool(pd.api.types.is_datetime64_any_dtype(column))


def numbers_of(column: pd.Series, name: str, missing: bool = False, remedy: str = "fill it, or drop the row") -> np.ndarray:
    """(n,) float64; UserError naming the row and value of the first that is no number. missing: return missing values as NaN. remedy: what
    may be done about one."""
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
        raise UserError(f"column {name!r}, row {int(np.argmax(absent)) + 1}: the value is missing, NaN ({int(absent.sum())} are); {remedy}")
    return values


def dates_of(column: pd.Series, name: str, missing: bool = False) -> pd.Series:
    """(n,) datetime64; UserError naming the row and value of the first that is no date. missing: return missing values as NaT."""
    values = pd.to_datetime(column.where([not isinstance(value, str) for value in column]), errors="coerce")
    texts = column[[isinstance(value, str) for value in column]]
    read = read_dates(texts, least=1e-9) if len(texts) else None
    if read is not None:
        values[texts.index] = read.values.to_numpy()
    wrong = np.flatnonzero(values.isna() & column.notna())
    if len(wrong):
        row = int(wrong[0])
        seen = values.dropna()
        like = f" like {column[seen.index[0]]!r}" if len(seen) else ""
        raise UserError(f"column {name!r}, row {row + 1}: {column.iloc[row]!r} is no date or time{like}; correct it, or drop the row")
    if values.isna().any() and not missing:
        raise UserError(f"column {name!r}, row {int(np.argmax(values.isna())) + 1}: the date is missing; fill it, or drop the row")
    return values


def target_of(frame: pd.DataFrame, name: str) -> np.ndarray:
    """(n,): the numbers to predict; UserError for one row, for dates and words, and where all are equal."""
    [name] = pick(frame, [name], "target")
    if is_date(frame[name]):
        raise UserError(f"the target {name!r} holds dates; write it as a number, such as the days since a date, to predict it")
    if pd.to_numeric(frame[name], errors="coerce").isna().all() and frame[name].notna().any():
        word = frame[name].dropna().iloc[0]
        raise UserError(
            f"the target {name!r} holds words, such as {word!r}, and regression predicts numbers; write one of two classes as 1 and the "
            "other as 0 to predict a share"
        )
    values = numbers_of(frame[name], name)
    if len(values) < 2:
        raise UserError("the table has one row; fitting needs at least two")
    if np.ptp(values) == 0:
        raise UserError(f"the target {name!r} is {values[0]:g} in all {len(values)} rows; there is nothing to learn")
    return values


def texts_of(column: pd.Series, name: str, missing: bool = False) -> np.ndarray:
    """(n,) object: texts. missing: a missing one is "(missing)", else it is a UserError that names the row."""
    given = column.notna().to_numpy()
    if not given.all() and not missing:
        raise UserError(
            f"column {name!r}, row {int(np.argmin(given)) + 1}: the text is missing; fill it, drop the row, or impute (--impute)"
        )
    return np.array([str(value) if there else "(missing)" for value, there in zip(column, given, strict=True)], dtype=object)


def words_of(column: pd.Series, name: str, asked: bool = False) -> np.ndarray:
    """(n,) object: categories as text, missing ones as None. UserError for a column that looks like numbers with errors, unless `asked`
    declares it a category."""
    if not asked and any(isinstance(value, pd.Timestamp) for value in column):
        dates_of(column, name, missing=True)  # names the first that is none
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
