"""Horizontal bars: a row each, of one segment or several, with whiskers and labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from foretell.reports.drawing import drawing
from foretell.reports.labels import short_labels
from foretell.reports.theme import COLOURS

#: Longest label of a bar, in characters.
_LONGEST_LABEL = 40


@dataclass(frozen=True)
class Segment:
    """A piece of a bar: its length in units of the axis, its colour (a name of `theme.COLOURS`) and what hovering shows."""

    value: float
    colour: str
    hint: str = ""


@dataclass(frozen=True)
class BarRow:
    """A bar. name: at its left. segments: from left to right. label: at its right end. whisker: (low, high) of an interval in units of
    the axis. is_soft: name in a lighter colour. gap: room before the row, in rows."""

    name: str
    segments: Sequence[Segment]
    label: str = ""
    whisker: tuple[float, float] | None = None
    is_soft: bool = False
    gap: float = 0.0


def horizontal_bars(alt: str, rows: Sequence[BarRow], axis: str, most: float | None = None) -> str:
    """The plot as SVG. alt: as in `drawing`. axis: title of the axis. most: end of the axis; None fits the bars."""
    places, place = [], 0.0
    for row in rows:
        place += row.gap
        places.append(place)
        place += 1
    with drawing(alt, 56 + 30 * place) as drawn:
        axes = drawn.axes
        for row, y in zip(rows, places, strict=True):
            end = 0.0
            for segment in row.segments:
                [bar] = axes.barh(y, segment.value, left=end, height=0.66, color=COLOURS[segment.colour])
                bar.set(edgecolor=COLOURS["card"], linewidth=1.0 if len(row.segments) > 1 else 0.0)
                if segment.hint:
                    drawn.hint(bar, segment.hint)
                end += segment.value
            if row.whisker is not None:
                low, high = row.whisker
                axes.errorbar([low], [y], xerr=[[0], [high - low]], color=COLOURS["soft"], linewidth=1.2, capsize=3.5)
                end = max(end, high)
            axes.annotate(row.label, (end, y), (7, 0), textcoords="offset points", va="center", color=COLOURS["soft"])
        axes.set(xlabel=axis, ylim=(place - 0.4, -0.6), yticks=places, yticklabels=short_labels([row.name for row in rows], _LONGEST_LABEL))
        for row, tick in zip(rows, axes.get_yticklabels(), strict=True):
            tick.set_color(COLOURS["muted" if row.is_soft else "ink"])
        axes.tick_params(axis="y", length=0)
        axes.grid(visible=False, axis="y")
        axes.margins(x=0.02 if most else 0.1 + 0.006 * max(len(row.label) for row in rows))
        axes.set_xlim(left=0, right=most)
    return drawn.svg
