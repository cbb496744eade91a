"""A page of sections: words, plots, tables and facts, as one HTML file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from foretell.files import check_output_path, write_text
from foretell.reports.drawing import require_matplotlib
from foretell.reports.theme import PALETTE

#: Room around a plot that is a file of its own, in its units.
_MARGIN = 16


@dataclass(frozen=True)
class Section:
    """A heading with what follows it; what is empty is left out.

    words: a paragraph. items: a list. figure: a plot, as `drawing` makes it, with its legend of (colour, words), colours as in
    `theme.PALETTE`, and "band" beside one for a pale area. head, rows: a table of text cells, whose first column is left-aligned;
    marked: the row to stress, -1 for none; shades: for each row and each column but the first a number from -1 (full colour of a loss)
    to 1 (full colour of a gain). facts: values by name.
    """

    title: str
    words: str = ""
    items: Sequence[str] = ()
    figure: str = ""
    legend: Sequence[tuple[str, str]] = ()
    head: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    marked: int = -1
    shades: Sequence[Sequence[float]] = ()
    facts: Mapping[str, object] = field(default_factory=dict)


def page(title: str, sections: Sequence[Section], lead: str = "", remarks: Sequence[str] = (), data: Any = None) -> str:
    """The page as text. It fetches nothing, follows the reader's light or dark theme, and prints.

    lead: the sentence to read first. remarks: a list below it. data: JSON data for programs, in the script element with the id "data".

    >>> "<h2>Scores</h2>" in page("Fit", [Section("Scores", head=["", "R2"], rows=[["ridge", "0.51"]])])
    True
    """
    environment = _environment()
    environment.filters["svg"] = Markup  # our own plots, whose texts were escaped when they were drawn
    embedded = "" if data is None else json.dumps(data).replace("<", "\\u003c")
    template = environment.get_template("page.html.j2")
    return template.render(title=title, sections=sections, lead=lead, remarks=remarks, data=embedded, palette=PALETTE)


def write_page(
    path: Path | str, title: str, sections: Sequence[Section], lead: str = "", remarks: Sequence[str] = (), data: Any = None
) -> None:
    """Write the page to a file, which is replaced as a whole; arguments as of `page`. Raises FileWriteError."""
    write_text(path, page(title, sections, lead, remarks, data))


def standalone(plot: str) -> str:
    """A plot as an SVG file of its own: with a background, and with colours that follow the reader's theme.

    >>> standalone('<svg viewBox="0 0 860 9"></svg>').startswith('<svg xmlns="http://www.w3.org/2000/svg"')
    True
    """
    style = _environment().get_template("theme.css.j2").render(palette=PALETTE)
    width, height = re.findall(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', plot)[0]
    wide, high = float(width) + 2 * _MARGIN, float(height) + 2 * _MARGIN
    box = f"{-_MARGIN} {-_MARGIN} {wide:g} {high:g}"
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    head, body = plot.replace(f'"0 0 {width} {height}"', f'"{box}"', 1).replace("<svg", f"<svg {names}", 1).split(">", 1)
    card = f'<rect x="{-_MARGIN}" y="{-_MARGIN}" width="{wide:g}" height="{high:g}" rx="10" style="fill: var(--card)"/>'
    return f"{head}>\n<style>\n{style}</style>\n{card}\n{body}\n"


def check_report_path(path: Path | None, option: str = "--report") -> None:
    """Refuse a report that could not be written, before the work that it reports on.

    path: None where no report is wanted. Raises UserError as `check_output_path` does, and ImportError without matplotlib.
    """
    check_output_path(path, option)
    if path is not None:
        require_matplotlib()


def _environment() -> Environment:
    return Environment(loader=PackageLoader("foretell.reports", "."), autoescape=True, undefined=StrictUndefined)
