"""`TableLayout`: how a file writes a table, and finding its delimiter."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from foretell.errors import UserError

#: In the order in which they are preferred where several fit.
DELIMITERS = {"\t": "a tab", ";": "';'", "|": "'|'", ",": "','"}
BLANKS = r"\s+"
#: Lines that are looked at.
_SAMPLE = 200


@dataclass(frozen=True)
class TableLayout:
    """How a file writes a table. What is None is found out from the file.

    delimiter: between the cells of a row, one character or "tab" or "space". decimal: the mark of decimals, "." or ",". encoding: a name
    that Python knows. date_format: as for `datetime.strptime`, such as "%d.%m.%Y". missing: words that stand for a missing value, beside
    the empty cell and those that pandas knows, such as NA. day_first: of 01/02/2024, where nothing else tells. Errors: UserError for
    another decimal mark or delimiter.
    """

    delimiter: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    date_format: str | None = None
    missing: tuple[str, ...] = ()
    day_first: bool | None = None

    def __post_init__(self) -> None:
        if self.decimal not in (None, ".", ","):
            raise UserError(f"--decimal {self.decimal!r} must be a point or a comma")
        named = {"tab": "\t", "\\t": "\t", "space": BLANKS, " ": BLANKS, "comma": ",", "semicolon": ";"}
        if self.delimiter in named:
            object.__setattr__(self, "delimiter", named[self.delimiter])
        if self.delimiter not in (None, BLANKS) and (len(self.delimiter or "") != 1 or self.delimiter in '"\n\r'):
            raise UserError(f"--delimiter {self.delimiter!r} must be one character, or the word tab or space")


def find_delimiter(text: str, path: Path) -> str:
    """The delimiter of a table: the one by which most lines have as many cells as the head, two or more. A comma where there is none."""
    if path.name.lower().removesuffix(".gz").endswith(".tsv"):
        return "\t"
    lines = [line for line in text.split("\n", _SAMPLE)[:_SAMPLE] if line.strip()]
    shares = {mark: _share(_rows(lines, mark)) for mark in DELIMITERS}
    best = max(shares, key=lambda mark: shares[mark])  # the first of equals
    if shares[best] == 0 and _share([re.split(BLANKS, line.strip()) for line in lines]) >= 1:
        return BLANKS
    return best if shares[best] else ","


def _rows(lines: Sequence[str], delimiter: str) -> list[list[str]]:
    try:
        return list(csv.reader(lines, delimiter=delimiter, skipinitialspace=True))
    except csv.Error:
        return []


def _share(rows: Sequence[Sequence[str]]) -> float:
    """The share of rows with as many cells as the first one, or one more (names of rows have no head); 0 where the first has one."""
    if not rows or len(rows[0]) < 2:
        return 0.0
    return sum(len(row) in (len(rows[0]), len(rows[0]) + 1) for row in rows[1:]) / max(len(rows) - 1, 1) + 1e-6
