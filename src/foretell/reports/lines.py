"""Lines over one axis, with a legend below the heading of the section or beside the lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from foretell.reports.drawing import drawing
from foretell.reports.theme import COLOURS, SERIES

#: Points of a line that are marked and can be hovered over; a longer line is drawn without marks.
_MOST_MARKS = 40


def line_plot(
    alt: str,
    x: Sequence[float],
    lines: Mapping[str, Sequence[float]],
    xlabel: str,
    ylabel: str,
    colours: Mapping[str, str] | None = None,
    height: float = 300,
    has_legend: bool = False,
    **settings: Any,
) -> str:
    """The plot as SVG, a line a name.

    x: of all lines; a line that is shorter ends earlier. colours: by name, as in `theme.COLOURS`; None takes `SERIES` in order.
    has_legend: name the lines at the right, where the page does not, in the order of their last values. settings: of matplotlib's
    `Axes.set`, such as xscale="log" or, in place of a long ylabel, title.

    >>> "var(--s2)" in line_plot("Two lines", [1, 2], {"a": [1, 2], "b": [2, 1]}, "x", "y")
    True
    """
    if has_legend:
        lines = dict(sorted(lines.items(), key=lambda line: -line[1][-1]))
    colours = colours or dict(zip(lines, SERIES, strict=False))
    with drawing(alt, height) as drawn:
        for name, values in lines.items():
            colour, last = COLOURS[colours.get(name, "neutral")], f"{name}: {values[-1]:.3g}"
            drawn.axes.plot(x[: len(values)], values, color=colour, linewidth=2, label=last)
            for place, value in zip(x, values, strict=False) if len(x) <= _MOST_MARKS else ():
                [mark] = drawn.axes.plot(place, value, "o", color=colour, markersize=6, markeredgecolor=COLOURS["card"])
                drawn.hint(mark, f"{name}: {value:.4g} at {xlabel} {place:g}")
        drawn.axes.set(xlabel=xlabel, ylabel=ylabel, **settings)
        drawn.axes.minorticks_off()
        if has_legend:
            handles, labels = drawn.axes.get_legend_handles_labels()
            drawn.figure.legend(handles, labels, loc="outside right upper", frameon=False, labelcolor=COLOURS["ink"])
    return drawn.svg
