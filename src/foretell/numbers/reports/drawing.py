"""A matplotlib figure as SVG that fits the page: its colours are the page's own, so that they follow light and dark, and its text is
text."""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import Any

from foretell.errors import MissingPackageError

#: Colours of the page by name, as they are in the light. Plots are drawn in these, and each becomes the page's variable.
COLOURS = {
    "ink": "#141412", "soft": "#55544f", "muted": "#85837c", "grid": "#e6e5df", "axis": "#b9b7ae", "card": "#ffffff",
    "s1": "#2a78d6", "s2": "#1a9e70", "s3": "#d99200", "s4": "#7a5cc9", "s5": "#d64f7f", "s6": "#e2662f", "s7": "#3a8a1f", "s8": "#c23b3a",
    "neutral": "#b4b2a9", "loss": "#d9483b",
}  # fmt: skip
#: Width of every plot in its own units; the page scales it to the reader's window.
WIDTH = 860

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
    """What `drawing` gives: `axes` to draw on, and afterwards `svg`."""

    def __init__(self, figure: Any, axes: Any) -> None:
        self.figure, self.axes, self.svg = figure, axes, ""


@contextmanager
def drawing(alt: str, height: float = 320, rows: int = 1, columns: int = 1, **sharing: Any) -> Iterator[Drawing]:
    """Axes to draw on within the `with`; after it, `.svg` is the plot. alt: what it shows, in words, for who cannot see it.

    >>> with drawing("A line that rises") as drawn:
    ...     _ = drawn.axes.plot([0, 1], [0, 1], color=COLOURS["s1"])
    >>> drawn.svg.startswith("<svg") and "var(--s1)" in drawn.svg and "A line that rises" in drawn.svg
    True
    """
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingPackageError("plots need matplotlib: pip install 'foretell[numbers]'") from error
    with rc_context({**_STYLE, "svg.hashsalt": alt}):
        figure = Figure(figsize=(WIDTH / 72, height / 72), layout="constrained")
        drawn = Drawing(figure, figure.subplots(rows, columns, **sharing))
        yield drawn
        written = io.StringIO()
        figure.savefig(written, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    drawn.svg = _for_page(written.getvalue(), alt)


def _for_page(written: str, alt: str) -> str:
    body = written[written.index("<svg") :].partition(">")[2]
    body = re.sub(r"<metadata>.*?</metadata>\s*", "", body, flags=re.DOTALL)
    body = re.sub(r"<!--.*?-->\s*", "", body, flags=re.DOTALL)
    body = re.sub(r"font(-family)?: ?[^;\"]*?(\d+(?:\.\d+)?px)[^;\"]*", r"font-size: \2", body)  # the page's own font
    body = re.sub(r"; ?font-family: ?[^;\"]*", "", body)
    # Names within one plot must differ from those of the plots beside it.
    mark = f"p{zlib.crc32(alt.encode())}-"
    body = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{mark}", body)
    for name, colour in COLOURS.items():
        body = body.replace(colour, f"var(--{name})")
    height = re.search(r'viewBox="0 0 [\d.]+ ([\d.]+)"', written)
    box = f"0 0 {WIDTH} {height.group(1) if height else 320}"
    return f'<svg viewBox="{box}" role="img" aria-label="{escape(alt)}">{body.strip()}'
