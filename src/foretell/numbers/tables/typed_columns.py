"""Columns of texts as numbers, truth values and dates where they are such."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from foretell.errors import UserError
from foretell.numbers.tables.date_text import ReadDates, read_dates
from foretell.numbers.tables.layout import TableLayout
from foretell.numbers.tables.number_text import ABSENT, MEANT, ReadNumbers, find_decimal, read_numbers

_TRUTHS = {"True": True, "TRUE": True, "true": True, "False": False, "FALSE": False, "false": False}
#: Distinct cells of a column that are looked at to tell how numbers are written.
_SAMPLE = 2000


@dataclass(frozen=True)
class TypedColumns:
    """frame: the columns. layout: with nothing left open. assumed: as in `reading.TableFile`."""

    frame: pd.DataFrame
    layout: TableLayout
    assumed: list[str]


def read_columns(cells: pd.DataFrame, as_text: Sequence[str], layout: TableLayout, like: TableLayout) -> TypedColumns:
    """The columns of a table of texts (missing cells are NaN). as_text: columns that stay texts. layout, like: see `reading.read_file`.

    A column that is meant as numbers or dates but holds other cells too has these as texts among the others, so that checks name them.
    UserError where a given date format fits no column.
    """
    plain = {name for name in cells if name not in as_text and _is_plain(cells[name])}
    distinct = {name: _distinct(cells[name]) for name in cells if name not in as_text and name not in plain}
    seen = [values[:_SAMPLE] for values in distinct.values() if not set(values) <= set(_TRUTHS)]
    heads = [_distinct(cells[name][: 5 * _SAMPLE])[:_SAMPLE] for name in plain] if seen else []
    seen += [values for values in heads if values.str.contains(".", regex=False).any()]
    decimal, tells = (layout.decimal, True) if layout.decimal else find_decimal(seen, layout.delimiter or ",", like.decimal)
    writer = _Columns(replace(layout, decimal=decimal), like)
    if decimal == "," and not layout.decimal:
        writer.assumed.append("decimal commas (--decimal)" if tells else "decimal commas, as 1,234 may be 1.234 or 1234 (--decimal)")
    elif not tells:
        writer.assumed.append("1,234 as 1234 (--decimal)")
    found = {}
    for name in cells:
        if name in plain:
            found[name] = writer.plain(name, cells[name])
        else:
            found[name] = cells[name] if name in as_text else writer.typed(name, cells[name], distinct[name])
    if layout.date_format and not writer.formats:
        raise UserError(f"--date-format {layout.date_format!r} fits no column; correct it, or leave it out")
    day_first = writer.day_first if writer.day_first is not None else like.day_first
    return TypedColumns(pd.DataFrame(found), replace(writer.layout, day_first=day_first), writer.assumed)


class _Columns:
    """Reads one column after the other, and keeps what was assumed."""

    def __init__(self, layout: TableLayout, like: TableLayout) -> None:
        self.layout, self.like = layout, like
        self.assumed: list[str] = []
        self.day_first: bool | None = None
        self.formats = 0

    def plain(self, name: str, cells: pd.Series) -> pd.Series:
        """A column of numbers as programs write them, or of missing cells."""
        if cells.isna().all():
            return cells.astype(float)
        if self.layout.date_format or self.like.date_format or (self.layout.decimal == "," and cells.str.contains(".", regex=False).any()):
            return self.typed(name, cells, _distinct(cells))  # 1.234 may be a thousand, 20240131 a date
        if cells.str.match(r"0\d", na=False).any():
            self.assumed.append(f"column {name!r} as numbers, without the zeros in front (--categories)")
        numbers = pd.to_numeric(cells)
        return numbers if numbers.dtype.kind in "iu" else cells.astype(float)  # float() rounds rightly, to_numeric need not

    def typed(self, name: str, cells: pd.Series, distinct: pd.Series) -> pd.Series:
        """Any other column; distinct: its cells that are not missing."""
        if set(distinct) <= set(_TRUTHS):
            return cells.map(_TRUTHS).astype(object if cells.hasnans else bool)
        dates = self._dates(distinct)
        if dates is not None:
            return self._as_dates(name, cells, distinct, dates)
        given = distinct[~distinct.isin(ABSENT)]
        read = read_numbers(given, self.layout.decimal or ".")
        return self._as_numbers(name, cells, given, read) if read.share >= MEANT else cells

    def _dates(self, distinct: pd.Series) -> ReadDates | None:
        given = [cell for cell in distinct if cell not in ABSENT]
        known = self.layout.day_first if self.layout.day_first is not None else self.like.day_first
        date_format = self.layout.date_format or self.like.date_format
        read = read_dates(given, date_format, known, self.layout.decimal == "," or self.layout.delimiter == ";")
        return read if read is not None or date_format is None else read_dates(given, None, known)

    def _as_numbers(self, name: str, cells: pd.Series, given: pd.Series, read: ReadNumbers) -> pd.Series:
        if read.unit:
            self.assumed.append(f"column {name!r} as numbers of {read.unit}")
        self._say_absent(name, cells)
        found = _mapped(cells, given, [float(value) for value in read.values])
        if found.dtype == float and (found.abs() < 2**53).all() and not given.str.contains(self.layout.decimal, regex=False).any():
            return found.astype("int64") if (found % 1 == 0).all() else found
        return found

    def _as_dates(self, name: str, cells: pd.Series, distinct: pd.Series, dates: ReadDates) -> pd.Series:
        self.formats += self.layout.date_format is not None
        if dates.order:
            self.day_first = dates.order == "day first"
            doubt = "" if dates.tells else ", which its cells do not tell"
            self.assumed.append(f"column {name!r} as dates with the {dates.order}{doubt} (--date-format)")
        if dates.zoned:
            self.assumed.append(f"times with a zone in column {name!r} as UTC")
        self._say_absent(name, cells)
        return _mapped(cells, distinct[~distinct.isin(ABSENT)], dates.values.tolist())

    def _say_absent(self, name: str, cells: pd.Series) -> None:
        marks = sorted(set(cells.dropna()) & ABSENT)
        if marks:
            self.assumed.append(f"{', '.join(map(repr, marks))} in column {name!r} as missing (--missing)")


def _mapped(cells: pd.Series, distinct: Sequence[str], values: Sequence[Any]) -> pd.Series:
    """The value of each cell; cells whose value is missing but which hold something stay as they are."""
    table = dict(zip(distinct, values, strict=True))
    found = cells.map(table)
    odd = cells.notna() & ~cells.isin(ABSENT) & found.isna()
    if odd.any():
        found = found.astype(object)
        found[odd] = cells[odd]
        return found.where(cells.notna() & ~cells.isin(ABSENT), np.nan)
    return found


def _distinct(cells: pd.Series) -> pd.Series:
    return pd.Series(cells.dropna().unique(), dtype=object)


def _is_plain(cells: pd.Series) -> bool:
    """Whether all are numbers as programs write them, or missing."""
    try:
        pd.to_numeric(cells)
    except (ValueError, TypeError):
        return False
    return not cells.str.contains("_", regex=False).any()
