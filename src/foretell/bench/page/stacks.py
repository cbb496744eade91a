"""Stacked horizontal bars."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from foretell.bench.page.svg import WIDTH, Scale, element, number, picture, shorten, text, ticks, value_axis

_LABELS, _ROW = 276, 30


@dataclass(frozen=True)
class Bar:
    """name: at the left; parts: (key, value) from left to right; label: at the right end."""

    name: str
    parts: list[tuple[str, float]]
    label: str


def stacked(bars: Sequence[Bar], classes: Mapping[str, str], title: str, form: Callable[[float], str], most: float | None = None) -> str:
    """Bars over one axis; "" for none. classes: colour class of each key; most: end of the axis, None for the longest bar."""
    if not bars:
        return ""
    marks = ticks(most or max(sum(value for _, value in bar.parts) for bar in bars))
    scale, bottom = Scale(0, marks[-1], _LABELS, WIDTH - 70), 8 + _ROW * len(bars)
    parts = [value_axis(scale, marks, 4, bottom, number, title)]
    for row, bar in enumerate(bars):
        y, x = 8 + row * _ROW, scale(0)
        parts.append(text(_LABELS - 10, y + 18, shorten(bar.name, 42), "name", "end"))
        for key, value in bar.parts:
            width = scale(value) - scale(0)
            hint = f"{bar.name}, {key or 'the model itself'}: {form(value)}"
            # A gap of surface colour between segments keeps neighbours apart without relying on hue.
            if width > 0.3:
                inner = max(width - 1.5, 0.5)
                parts.append(
                    element("rect", hint=hint, x=x, y=y + 4, width=inner, height=18, class_=f"bar {classes.get(key, 'neutral')}", rx=2)
                )
            x += width
        if bar.label:
            parts.append(text(x + 8, y + 18, bar.label, "value"))
    return picture(parts, bottom + 42, title)
