"""Drawing: SVG elements as text, scales and round ticks. Colours are CSS variables, which the page sets for both themes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

#: Width of every plot in its own units; the page scales it to the reader's window.
WIDTH = 860
#: Classes of series, in a fixed order: a series keeps its colour whatever else is shown.
SERIES = tuple(f"s{i}" for i in range(1, 9))


def element(name: str, inner: str = "", hint: str = "", **attributes: object) -> str:
    """`<name ...>inner</name>`; underscores in attribute names become hyphens, `hint` is shown on hovering.

    >>> element("rect", width=3.14159, class_="bar")
    '<rect width="3.1" class="bar"/>'
    """
    written = "".join(f' {key.rstrip("_").replace("_", "-")}="{_value(value)}"' for key, value in attributes.items())
    inner = (f"<title>{escape(hint)}</title>" if hint else "") + inner
    return f"<{name}{written}>{inner}</{name}>" if inner else f"<{name}{written}/>"


def text(x: float, y: float, words: str, class_: str = "", anchor: str = "start") -> str:
    return element("text", escape(words), x=x, y=y, class_=class_, text_anchor=anchor)


def line(x1: float, y1: float, x2: float, y2: float, class_: str = "grid") -> str:
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def picture(parts: Sequence[str], height: float, label: str) -> str:
    """The whole plot; `label` says to a screen reader what it shows."""
    return element("svg", "".join(parts), viewBox=f"0 0 {WIDTH} {height:.0f}", role="img", aria_label=label)


@dataclass(frozen=True)
class Scale:
    """Linear map from [low, high] to [start, end]."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) / ((self.high - self.low) or 1.0) * (self.end - self.start)


def ticks(high: float, num: int = 5) -> list[float]:
    """Round numbers from 0 to at least `high`, about `num` steps.

    >>> ticks(87)
    [0.0, 20.0, 40.0, 60.0, 80.0, 100.0]
    """
    if high <= 0:
        return [0.0, 1.0]
    raw = high / num
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw * 0.999)
    return [step * i for i in range(math.ceil(high / step - 1e-9) + 1)]


def shorten(words: str, length: int) -> str:
    """At most `length` characters."""
    return words if len(words) <= length else words[: length - 1] + "…"


def bar(x: float, y: float, width: float, height: float, class_: str, hint: str = "") -> str:
    """A rectangle with its right end rounded, as data ends there."""
    radius = min(3.0, max(width, 0.0), height / 2)
    width = max(width, 0.0)
    path = (
        f"M{x:.1f} {y:.1f}h{width - radius:.1f}q{radius:.1f} 0 {radius:.1f} {radius:.1f}v{height - 2 * radius:.1f}"
        f"q0 {radius:.1f} {-radius:.1f} {radius:.1f}h{radius - width:.1f}z"
    )
    return element("path", hint=hint, d=path, class_=class_)


def value_axis(scale: Scale, values: Sequence[float], top: float, bottom: float, form: Callable[[float], str], title: str) -> str:
    """Vertical grid lines with their numbers below, and what they mean."""
    parts = []
    for value in values:
        x = scale(value)
        parts += [line(x, top, x, bottom, "axis" if value == 0 else "grid"), text(x, bottom + 16, form(value), "tick", "middle")]
    return "".join([*parts, text((scale.start + scale.end) / 2, bottom + 34, title, "tick", "middle")])


def number(value: float) -> str:
    """A number for an axis, without needless zeros."""
    return f"{value:.6g}"


def _value(value: object) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else escape(str(value))
