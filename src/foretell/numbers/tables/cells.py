"""The cells of a delimited text as they stand, under the names of their columns."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from foretell.errors import UserError
from foretell.numbers.tables.layout import BLANKS

#: What pandas calls the column of an index that has no name, once it was read and written again.
_NAMELESS = re.compile(r"|Unnamed: \d+(\.\d+)?")


def named_cells(text: str, path: Path, delimiter: str, missing: Sequence[str] = ()) -> tuple[pd.DataFrame, list[str]]:
    """All cells as texts, missing ones as NaN, and phrases that say which columns were left out.

    A first column without a name is left out where it numbers or names the rows, a last one where it is empty. missing: more words for
    missing values. Errors: UserError as `reading.read_file` says.
    """
    blank = delimiter == BLANKS
    if blank:
        text = "\n".join(line.strip() for line in text.split("\n"))
    head = re.split(BLANKS, text.lstrip().split("\n", 1)[0]) if blank else _head(text, path, delimiter)
    head = [name.strip().strip('"') if blank else name.strip() for name in head]
    if not any(head):
        raise UserError(f"{path} is empty; its first line must name the columns")
    options = {"engine": "python"} if blank else {"low_memory": False}
    try:
        frame = pd.read_csv(
            io.StringIO(text), sep=delimiter, skipinitialspace=True, dtype=str, index_col=None, na_values=list(missing), **options
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise UserError(f"{path} is no table: {' '.join(str(error).split())}") from error
    if len(frame) == 0:
        raise UserError(f"{path} has a head but no rows")
    dropped = []
    if list(frame.index[:1]) != [0]:  # pandas takes cells that have no name in the head for an index
        if frame.index.nlevels > 1 or not _names_rows(frame.index):
            raise UserError(f"{path} has more cells in its rows than names in its head; name every column")
        name = str(frame.index[0]).strip('"')
        dropped.append(f"its first column, which has no name in the head, left out as names of rows such as {name!r}")
        frame = frame.reset_index(drop=True)
    frame = frame.set_axis(head, axis=1)
    while _NAMELESS.fullmatch(head[0]) and len(head) > 1 and _numbers_rows(frame.iloc[:, 0], text_too=head[0] == ""):
        called = "which has no name" if not head[0] else repr(head[0])
        dropped.append(f"its first column, {called}, left out as an index")
        frame, head = frame.iloc[:, 1:], head[1:]
    while head[-1] == "" and len(head) > 1 and frame.iloc[:, -1].isna().all():
        dropped.append("its last column, which is empty, left out")
        frame, head = frame.iloc[:, :-1], head[:-1]
    twice = sorted({name for name in head if head.count(name) > 1})
    if twice or "" in head:
        what = f"has two columns called {twice[0]!r}" if twice and twice[0] else f"has no name for column {head.index('') + 1}"
        raise UserError(f"{path} {what}; each column needs a name of its own")
    return frame, dropped


def _head(text: str, path: Path, delimiter: str) -> list[str]:
    try:
        return next(csv.reader(io.StringIO(text.lstrip("\n")), delimiter=delimiter, skipinitialspace=True), [])
    except csv.Error as error:
        raise UserError(f"{path} is no table: {error}") from error


def _names_rows(index: pd.Index) -> bool:
    """Whether these are names of rows as R writes them: different texts, or 1, 2, 3 and so on."""
    texts = index.astype(str).str.strip('"')
    numbered = list(texts) == [str(i + 1) for i in range(len(texts))]
    return texts.is_unique and (numbered or bool(pd.to_numeric(texts.to_series(), errors="coerce").isna().all()))


def _numbers_rows(column: pd.Series, text_too: bool) -> bool:
    """Whether a column holds a different whole number, or name, for each row."""
    whole = column.str.fullmatch(r"\d+", na=False).all()
    return bool(column.notna().all() and column.is_unique and (whole or text_too))
