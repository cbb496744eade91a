"""The plots of a bench report, each a function from the report to SVG, "" where there is nothing to show."""

from __future__ import annotations

import math
from typing import Any

from foretell.bench.page.stacks import Bar, stacked
from foretell.bench.page.svg import SERIES, WIDTH, Scale, bar, element, line, number, picture, shorten, text, ticks, value_axis
from foretell.bench.report import BenchReport
from foretell.bench.summary import PHASES, PLAIN, ArmSummary

_LABELS = 236  # room for arm names
_ROW = 34


def speed(report: BenchReport) -> str:
    """Tokens per second by arm, with the quartiles over prompts."""
    arms = sorted(report.arms, key=lambda arm: -arm.tokens_per_second)
    if not arms:
        return ""
    most = max(max(arm.tokens_per_second, arm.speeds.upper_quartile if arm.speeds else 0.0) for arm in arms)
    marks = ticks(most)
    scale, bottom = Scale(0, marks[-1], _LABELS, WIDTH - 190), 8 + _ROW * len(arms)
    parts = [value_axis(scale, marks, 4, bottom, number, "tokens per second, prompt included; whisker: middle half of the prompts")]
    best = report.best
    for row, arm in enumerate(arms):
        y = 8 + row * _ROW
        kind = "peer" if arm.is_peer else "best" if best is not None and arm.name == best.name else "own"
        label = f"{arm.tokens_per_second:.1f}" + (f" · {arm.speedup.median:.2f} x plain" if arm.speedup else "")
        parts.append(text(_LABELS - 10, y + 19, shorten(arm.name, 34), "name" if not arm.is_peer else "name soft", "end"))
        parts.append(bar(scale(0), y + 5, scale(arm.tokens_per_second) - scale(0), 18, f"bar {kind}", f"{arm.name}: {arm.detail}"))
        end = scale(arm.tokens_per_second)
        if arm.speeds is not None and arm.speeds.num > 1:
            low, high = scale(arm.speeds.lower_quartile), scale(arm.speeds.upper_quartile)
            parts += [line(low, y + 14, high, y + 14, "whisker"), *(line(x, y + 10, x, y + 18, "whisker") for x in (low, high))]
            end = max(end, high)
        parts.append(text(end + 8, y + 19, label, "value"))
    return picture(parts, bottom + 42, "Tokens per second by arm")


def heat(report: BenchReport) -> str:
    """Times plain by kind of prompt."""
    arms = [arm for arm in report.arms if arm.name != PLAIN and any(cell.speedup for cell in arm.by_kind.values())]
    kinds = report.kinds
    if not arms or len(kinds) < 2:
        return ""
    width, top = (WIDTH - _LABELS - 4) / len(kinds), 30
    parts = [text(_LABELS + (i + 0.5) * width, 18, shorten(kind, int(width / 6.3)), "tick", "middle") for i, kind in enumerate(kinds)]
    for row, arm in enumerate(arms):
        y = top + row * _ROW
        parts.append(text(_LABELS - 10, y + 21, shorten(arm.name, 34), "name soft" if arm.is_peer else "name", "end"))
        for column, kind in enumerate(kinds):
            cell = arm.by_kind.get(kind)
            if cell is None or cell.speedup is None:
                continue
            # Twice as fast and half as fast are equally far from 1; colour is full at a factor of 3.
            strength = min(abs(math.log(cell.speedup)) / math.log(3), 1.0) if cell.speedup > 0 else 1.0
            hint = f"{arm.name}, {kind}: {cell.speedup:.2f} times plain, {cell.tokens_per_second:.1f} tokens/s"
            hint += f", {cell.tokens_per_step:.2f} tokens a step" if cell.tokens_per_step else ""
            x = _LABELS + column * width
            style: dict[str, Any] = {
                "class_": "gain" if cell.speedup >= 1 else "loss",
                "fill_opacity": f"{0.06 + 0.66 * strength:.2f}",
                "rx": 3,
            }
            parts.append(element("rect", hint=hint, x=x + 1, y=y + 1, width=width - 2, height=_ROW - 2, **style))
            parts.append(text(x + width / 2, y + 21, f"{cell.speedup:.2f}", "cell", "middle"))
    return picture(parts, top + _ROW * len(arms) + 6, "Times plain decoding by arm and kind of prompt")


def acceptance(report: BenchReport) -> str:
    """Share of steps whose accepted path reached a depth, of those that drafted so deep."""
    arms = [arm for arm in told_apart(report) if arm.acceptance]
    if not arms:
        return ""
    deepest = max(len(arm.acceptance) for arm in arms)
    across, up = Scale(1, max(deepest, 2), 60, WIDTH - 30), Scale(0, 1, 260, 14)
    parts = [line(60, up(share), WIDTH - 30, up(share), "axis" if share == 0 else "grid") for share in (0, 0.25, 0.5, 0.75, 1)]
    parts += [text(50, up(share) + 4, f"{share:.0%}", "tick", "end") for share in (0, 0.25, 0.5, 0.75, 1)]
    parts += [text(across(depth), 278, str(depth), "tick", "middle") for depth in range(1, deepest + 1)]
    parts.append(text((60 + WIDTH - 30) / 2, 298, "depth of the draft", "tick", "middle"))
    for arm in arms:
        series = series_of(report, arm)
        points = [(across(depth), up(share)) for depth, share in enumerate(arm.acceptance, 1)]
        parts.append(element("polyline", points=" ".join(f"{x:.1f},{y:.1f}" for x, y in points), class_=f"curve {series}"))
        for (x, y), (depth, share) in zip(points, enumerate(arm.acceptance, 1), strict=True):
            parts.append(element("circle", hint=f"{arm.name}, depth {depth}: {share:.0%}", cx=x, cy=y, r=4, class_=f"dot {series}"))
    return picture(parts, 304, "Share of drafts accepted by depth")


def time_split(report: BenchReport) -> str:
    """Milliseconds per token, by phase."""
    bars = []
    for arm in own_arms(report):
        if arm.time_split and arm.num_tokens:
            whole = 1000 * arm.seconds / arm.num_tokens
            bars.append(Bar(arm.name, [(phase, arm.time_split[phase] * whole) for phase in PHASES], f"{whole:.1f} ms"))
    return stacked(bars, dict(zip(PHASES, ("s6", "s1", "s2", "neutral"), strict=True)), "milliseconds per token", lambda v: f"{v:.2f} ms")


def shares(report: BenchReport) -> str:
    """Who wrote the text, and who drafted."""
    bars = []
    for arm in own_arms(report):
        for what, found in (("text", arm.sources), ("drafts", arm.drafted)):
            if found and arm.drafted:
                bars.append(Bar(f"{arm.name}: {what}", [(source, 100 * share) for source, share in sorted(found.items())], ""))
    return stacked(bars, source_classes(report), "per cent of tokens", lambda value: f"{value:.1f} %", 100.0)


def own_arms(report: BenchReport) -> list[ArmSummary]:
    return [arm for arm in report.arms if not arm.is_peer]


def told_apart(report: BenchReport) -> list[ArmSummary]:
    """Our arms that draft, as many as there are colours for; the fastest, where there are more."""
    drafting = [arm for arm in own_arms(report) if arm.name != PLAIN]
    fastest = sorted(drafting, key=lambda arm: -arm.tokens_per_second)[: len(SERIES)]
    return [arm for arm in drafting if arm in fastest]


def series_of(report: BenchReport, arm: ArmSummary) -> str:
    """The colour class of an arm that is told apart, by its place among those."""
    names = [other.name for other in told_apart(report)]
    return SERIES[names.index(arm.name)] if arm.name in names else "neutral"


def source_classes(report: BenchReport) -> dict[str, str]:
    """A colour class for each drafter; the model's own tokens are neutral."""
    found = dict.fromkeys(source for arm in own_arms(report) for source in [*arm.sources, *arm.drafted] if source)
    return {"": "neutral", **{source: SERIES[i % len(SERIES)] for i, source in enumerate(found)}}
