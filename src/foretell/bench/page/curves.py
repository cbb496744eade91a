"""The cost curve with what was chosen on it: two panels over one axis of rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from foretell.bench.page.svg import WIDTH, Scale, element, line, number, picture, text, ticks
from foretell.decoding.cost_curve import CostCurve

_LEFT, _RIGHT = 70, WIDTH - 20


def cost_curve(curve: CostCurve | None, rows: Mapping[int, int], name: str) -> str:
    """t(n) above, and below it how many steps of the arm `name` verified so many rows; "" without a curve."""
    if curve is None:
        return ""
    last = min(max(16, max(rows, default=1) + 4), max(16, curve.rows[-1]))
    across = Scale(0.4, last + 0.6, _LEFT, _RIGHT)
    parts = _panel_of_cost(curve, across, last)
    parts += _panel_of_choices(rows, across, last)
    step = 1 if last <= 20 else 2 if last <= 40 else 4
    shown = [n for n in range(1, last + 1) if n == 1 or n % step == 0]
    parts += [text(across(n), 372, str(n), "tick", "middle") for n in shown]
    parts.append(text((_LEFT + _RIGHT) / 2, 392, "rows in a step: the text's last token and the drafted ones", "tick", "middle"))
    return picture(parts, 400, f"Milliseconds of a step by its rows, and how often {name} chose them")


def _panel_of_cost(curve: CostCurve, across: Scale, last: int) -> list[str]:
    marks = ticks(1000 * curve(last), 4)
    up = Scale(0, marks[-1], 214, 32)
    parts = [text(_LEFT - 58, 12, "milliseconds a step, t(n)", "tick")]
    for value in marks:
        parts += [line(_LEFT, up(value), _RIGHT, up(value), "axis" if value == 0 else "grid")]
        parts.append(text(_LEFT - 10, up(value) + 4, number(value), "tick", "end"))
    points = [(n, 1000 * curve(n)) for n in range(1, last + 1)]
    path = " ".join(f"{across(n):.1f},{up(value):.1f}" for n, value in points)
    parts.append(element("polyline", points=path, class_="curve s1"))
    for n, value in points:
        hint = f"{n} {'row' if n == 1 else 'rows'}: {value:.1f} ms, {value / n:.1f} ms a row, {value / points[0][1]:.2f} t(1)"
        # Measured points are dots; those between are only hovered over.
        parts.append(element("circle", hint=hint, cx=across(n), cy=up(value), r=4, class_="dot s1" if n in curve.rows else "unseen"))
    return parts


def _panel_of_choices(rows: Mapping[int, int], across: Scale, last: int) -> list[str]:
    total = sum(rows.values()) or 1
    marks = ticks(100 * max(rows.values(), default=0) / total, 3)
    up = Scale(0, marks[-1], 354, 270)
    parts = [text(_LEFT - 58, 250, "per cent of steps", "tick")]
    for value in marks:
        parts += [line(_LEFT, up(value), _RIGHT, up(value), "axis" if value == 0 else "grid")]
        parts.append(text(_LEFT - 10, up(value) + 4, number(value), "tick", "end"))
    width = min(26.0, (across(2) - across(1)) - 2)
    for n, count in rows.items():
        share = 100 * count / total
        if n <= last:
            hint = f"{n} {'row' if n == 1 else 'rows'}: {count} steps, {share:.1f} %"
            box: dict[str, Any] = {"x": across(n) - width / 2, "y": up(share), "width": width, "height": up(0) - up(share), "rx": 2}
            parts.append(element("rect", hint=hint, class_="bar s2", **box))
    return parts
