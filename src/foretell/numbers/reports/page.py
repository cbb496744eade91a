"""Puts sections of words, plots and tables on one page of its own, in the look of `foretell bench`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup


@dataclass(frozen=True)
class Section:
    """A heading with what follows it, each part where it is given: words, a plot (SVG, as `drawing.svg` makes it, with its legend of
    (colour, words), colours as in `drawing.COLOURS`), a table (head and rows of text cells, the row `marked` stressed), facts by name.
    """

    title: str
    words: str = ""
    figure: str = ""
    legend: Sequence[tuple[str, str]] = ()
    head: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    marked: int = -1
    facts: Mapping[str, object] = field(default_factory=dict)


def page(title: str, sections: Sequence[Section], lead: str = "", remarks: Sequence[str] = ()) -> str:
    """The page as text: one file, nothing fetched, light and dark. lead: the sentence to read first. remarks: a line each.

    >>> "<h2>Scores</h2>" in page("Fit", [Section("Scores", head=["", "R2"], rows=[["ridge", "0.51"]])])
    True
    """
    rooms = ChoiceLoader([PackageLoader("foretell.numbers.reports", "."), PackageLoader("foretell.data", "styles")])
    environment = Environment(loader=rooms, autoescape=True, undefined=StrictUndefined)
    environment.filters["svg"] = Markup  # our own plots, whose texts were escaped when they were drawn
    return environment.get_template("page.html.j2").render(title=title, sections=sections, lead=lead, remarks=remarks)


def write_page(path: Path | str, title: str, sections: Sequence[Section], lead: str = "", remarks: Sequence[str] = ()) -> None:
    """To a temporary neighbour that is then renamed."""
    write_text(path, page(title, sections, lead, remarks))


def write_text(path: Path | str, text: str) -> None:
    """A file is whole or not there: written to a temporary neighbour that is then renamed."""
    path = Path(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
