"""Drawing a plot with matplotlib as SVG that fits the page: its colours are the page's, in light and dark, and its text stays text."""

from __future__ import annotations

import importlib.util
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import Any

from foretell.errors import MissingPackageError
from foretell.reports.theme import COLOURS

#: Width of every plot in its own units (pixels at full size); the page scales it to the reader's window.
WIDTH = 860
INSTALL = "plots need matplotlib: pip install 'foretell[reports]'"

_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,  # a column may be called "price in $"
    "font.size": 12,
    "axes.edgecolor": COLOURS["axis"],
    "axes.labelcolor": COLOURS["muted"],
    "axes.titlecolor": COLOURS["soft"],
    "axes.titlesize": 12,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.linewidth": 1.0,
    "grid.color": COLOURS["grid"],
    "grid.linewidth": 1.0,
    "xtick.color": COLOURS["axis"],
    "ytick.color": COLOURS["axis"],
    "xtick.labelcolor": COLOURS["muted"],
    "ytick.labelcolor": COLOURS["muted"],
    "lines.solid_capstyle": "round",
    "axes.formatter.limits": (-4, 6),
}


class Drawing:
    """What `drawing` gives: `axes` to draw on (matplotlib's, one or an array), and after the block `svg`, the plot as text."""

    def __init__(self, figure: Any, axes: Any) -> None:
        self.figure, self.axes, self.svg = figure, axes, ""
        self._hints: list[str] = []

    def hint(self, artist: Any, words: str) -> None:
        """Show `words` where the pointer rests on `artist`."""
        artist.set_gid(f"hint-{len(self._hints)}-")
        self._hints.append(words)

    def _finish(self, alt: str) -> None:
        written = io.StringIO()
        self.figure.savefig(written, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
        svg = _for_page(written.getvalue(), alt)
        for number, words in enumerate(self._hints):
            svg = svg.replace(f'<g id="hint-{number}-">', f"<g><title>{escape(words)}</title>")
        self.svg = svg


def require_matplotlib() -> None:
    """Raise ImportError with the command to install it, unless matplotlib is there."""
    if importlib.util.find_spec("matplotlib") is None:
        raise MissingPackageError(INSTALL)


@contextmanager
def drawing(alt: str, height: float = 320, rows: int = 1, columns: int = 1, **sharing: Any) -> Iterator[Drawing]:
    """Axes to draw on within the `with`; after it `.svg` is the plot.

    alt: what the plot shows, in words, for screen readers; different for each plot of a page. height: in units of which WIDTH is
    860. rows, columns: of axes; further arguments as of matplotlib's `Figure.subplots`. Raises ImportError without matplotlib.

    >>> with drawing("A line that rises") as drawn:
    ...     [line] = drawn.axes.plot([0, 1], [0, 1], color=COLOURS["s1"])
    ...     drawn.hint(line, "from 0 to 1")
    >>> [text in drawn.svg for text in ("var(--s1)", "A line that rises", "<title>from 0 to 1</title>")]
    [True, True, True]
    """
    require_matplotlib()
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({**_STYLE, "svg.hashsalt": alt}):
        figure = Figure(figsize=(WIDTH / 72, height / 72), layout="constrained")
        drawn = Drawing(figure, figure.subplots(rows, columns, **sharing))
        yield drawn
        drawn._finish(alt)


def _for_page(written: str, alt: str) -> str:
    """matplotlib's SVG without its header, fonts and colours: these are the page's."""
    body = written[written.index("<svg") :].partition(">")[2]
    body = re.sub(r"<metadata>.*?</metadata>\s*", "", body, flags=re.DOTALL)
    body = re.sub(r"<!--.*?-->\s*", "", body, flags=re.DOTALL)
    body = re.sub(r"font(-family)?: ?[^;\"]*?(\d+(?:\.\d+)?px)[^;\"]*", r"font-size: \2", body)
    body = re.sub(r"; ?font-family: ?[^;\"]*", "", body)
    # Identifiers of one plot must differ from those of the others on the page.
    mark = f"p{zlib.crc32(alt.encode())}-"
    body = re.sub(r'(\bid="(?!hint-)|href="#|url\(#)', rf"\g<1>{mark}", body)
    for name, colour in COLOURS.items():
        body = body.replace(colour, f"var(--{name})")
    height = re.search(r'viewBox="0 0 [\d.]+ ([\d.]+)"', written)
    box = f"0 0 {WIDTH} {height[1] if height else 320}"
    return f'<svg viewBox="{box}" role="img" aria-label="{escape(alt)}">{body.strip()}'
