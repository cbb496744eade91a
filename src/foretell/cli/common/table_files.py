"""Options that say how a file writes a table, and reading one with a line that says what was assumed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from foretell.cli.common.options import number

if TYPE_CHECKING:
    from foretell.numbers.tables.layout import TableLayout
    from foretell.numbers.tables.reading import TableFile

_PANEL = "File"
_FOUND = "By default it is found out from the file."
Delimiter = Annotated[str | None, number("delimiter", "CHAR", _PANEL, f"The mark between cells, or the words tab and space. {_FOUND}")]
Decimal = Annotated[str | None, number("decimal", "CHAR", _PANEL, f"The decimal mark, a point or a comma. {_FOUND}")]
Encoding = Annotated[str | None, number("encoding", "NAME", _PANEL, f"The encoding, such as utf-8 or latin-1. {_FOUND}")]
DateFormat = Annotated[
    str | None, number("date-format", "FORMAT", _PANEL, f"How dates are written, such as %d.%m.%Y, as for Python's strptime. {_FOUND}")
]
Missing = Annotated[
    list[str] | None, number("missing", "WORD,...", _PANEL, "More words that stand for a missing value, beside the empty cell and NA.")
]


def layout_of(
    delimiter: str | None, decimal: str | None, encoding: str | None, date_format: str | None, missing: Sequence[str] | None
) -> TableLayout:
    """The layout that the options ask for."""
    from foretell.cli.common.numbers import words
    from foretell.numbers.tables.layout import TableLayout

    return TableLayout(delimiter, decimal, encoding, date_format, tuple(words(missing)))


def read_and_say(path: Path, layout: TableLayout, as_text: Sequence[str] = (), like: TableLayout | None = None) -> TableFile:
    """The table, and on standard error a line that says what was assumed of the file, where that was anything."""
    from foretell.cli.common.program import say
    from foretell.numbers.tables.reading import read_file

    found = read_file(path, as_text, layout, like)
    if found.assumed:
        say(found.line(path), "dim")
    return found
