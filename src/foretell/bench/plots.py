"""The plots of a bench report, each a function to SVG; "" where there is nothing to show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from foretell.bench.named_recipe import PLAIN
from foretell.bench.report import BenchReport
from foretell.bench.summary import PHASES, ArmSummary
from foretell.bench.tables import doubt
from foretell.decoding.cost_curve import CostCurve
from foretell.reports.bars import BarRow, Segment, horizontal_bars
from foretell.reports.drawing import drawing
from foretell.reports.lines import line_plot
from foretell.reports.theme import COLOURS, SERIES

#: Colour of each phase of a step.
PHASE_COLOURS = dict(zip(PHASES, ("s6", "s1", "s2", "neutral"), strict=True))


def speed_plot(report: BenchReport) -> str:
    """Tokens a second by recipe, the fastest first, with the quartiles over prompts."""
    winner, rows = report.winner, []
    for arm in sorted(report.arms, key=lambda arm: -arm.tokens_per_second):
        colour = "neutral" if arm.is_peer else "s1" if arm is winner else "own"
        label = f"{arm.tokens_per_second:.1f}" + (f" · {arm.speedup.mean:.2f} times plain{doubt(arm)}" if arm.speedup else "")
        has_quartiles = arm.speeds is not None and arm.speeds.num > 1
        whisker = (arm.speeds.lower_quartile, arm.speeds.upper_quartile) if arm.speeds is not None and has_quartiles else None
        rows.append(BarRow(arm.name, [Segment(arm.tokens_per_second, colour, f"{arm.name}: {arm.detail}")], label, whisker, arm.is_peer))
    axis = "tokens a second, prompt included" + (
        "; the line spans the middle half of the prompts" if any(row.whisker for row in rows) else ""
    )
    return horizontal_bars("Tokens a second by recipe", rows, axis) if rows else ""


def acceptance_plot(report: BenchReport) -> str:
    """Share of drafted tokens accepted, by depth of the draft, of `compared_arms`."""
    lines = {arm.name: [100 * share for share in arm.acceptance] for arm in compared_arms(report) if arm.acceptance}
    if not lines:
        return ""
    depths = range(1, 1 + max(map(len, lines.values())))
    colours = {arm.name: arm_colour(report, arm) for arm in report.arms}
    alt = "Share of drafted tokens accepted by depth of the draft"
    settings: dict[str, Any] = {"ylim": (0, 100), "xticks": depths, "xlim": (0.8, max(len(depths), 2) + 0.2)}
    return line_plot(alt, depths, lines, "depth of the draft", "accepted, per cent", colours, **settings)


def time_plot(report: BenchReport) -> str:
    """Milliseconds for each generated token, by phase of a step."""
    rows = []
    for arm in own_arms(report):
        if arm.time_split and arm.num_tokens:
            total = 1000 * arm.seconds / arm.num_tokens
            phases = {phase: arm.time_split[phase] * total for phase in PHASES}
            segments = [Segment(ms, PHASE_COLOURS[phase], f"{arm.name}, {phase}: {ms:.2f} ms") for phase, ms in phases.items()]
            rows.append(BarRow(arm.name, segments, f"{total:.1f} ms"))
    return horizontal_bars("Milliseconds a token by phase", rows, "milliseconds a token") if rows else ""


def sources_plot(report: BenchReport) -> str:
    """Shares of the text's tokens and of drafted tokens, by the drafter that proposed them."""
    colours, rows = source_colours(report), []
    for arm in own_arms(report):
        for what, shares in (("text", arm.sources), ("drafts", arm.drafted)):
            if shares and arm.drafted:
                name = f"{arm.name}: {what}"
                parts = {source: 100 * share for source, share in sorted(shares.items())}
                hints = {source: f"{name}, {source or 'the model itself'}: {share:.1f} %" for source, share in parts.items()}
                rows.append(BarRow(name, [Segment(share, colours[source], hints[source]) for source, share in parts.items()]))
    return horizontal_bars("Tokens by the drafter that proposed them", rows, "per cent of tokens", most=100.0) if rows else ""


def cost_plot(curve: CostCurve | None, rows: Mapping[int, int], name: str) -> str:
    """The cost curve t(n), and below it how often the arm `name` verified n rows. rows: steps by number of rows."""
    if curve is None:
        return ""
    last = min(max(16, max(rows, default=1) + 4), max(16, curve.rows[-1]))
    numbers, total = list(range(1, last + 1)), sum(rows.values()) or 1
    alt = f"Milliseconds of a step by its number of rows, and how often {name} chose each number"
    with drawing(alt, 400, rows=2, sharex=True, height_ratios=[2, 1]) as drawn:
        above, below = drawn.axes
        times = [1000 * curve(num) for num in numbers]
        above.plot(numbers, times, color=COLOURS["s1"], linewidth=2)
        for num, ms in zip(numbers, times, strict=True):
            if num in curve.rows:  # measured, not interpolated
                [mark] = above.plot(num, ms, "o", color=COLOURS["s1"], markersize=6, markeredgecolor=COLOURS["card"])
                drawn.hint(mark, f"{num} rows: {ms:.1f} ms, {ms / num:.1f} ms a row, {ms / times[0]:.2f} times one row")
        for num, count in rows.items():
            if num <= last:
                [bar] = below.bar(num, 100 * count / total, width=0.6, color=COLOURS["s2"])
                drawn.hint(bar, f"{num} rows: {count} steps, {count / total:.1%}")
        above.set(ylabel="milliseconds a step", ylim=(0, None))
        below.set(ylabel="per cent of steps", xlabel="rows of a step: the last token of the text and the drafted tokens")
        below.set(xlim=(0.4, last + 0.6), xticks=[num for num in numbers if num == 1 or num % (1 + (last - 1) // 20) == 0])
    return drawn.svg


def own_arms(report: BenchReport) -> list[ArmSummary]:
    """The arms that are recipes of ours."""
    return [arm for arm in report.arms if not arm.is_peer]


def compared_arms(report: BenchReport) -> list[ArmSummary]:
    """Our arms that draft; the fastest, where there are more of them than colours."""
    drafting = [arm for arm in own_arms(report) if arm.name != PLAIN]
    fastest = sorted(drafting, key=lambda arm: -arm.tokens_per_second)[: len(SERIES)]
    return [arm for arm in drafting if arm in fastest]


def arm_colour(report: BenchReport, arm: ArmSummary) -> str:
    """The colour of an arm among `compared_arms`; neutral for all others."""
    names = [other.name for other in compared_arms(report)]
    return SERIES[names.index(arm.name)] if arm.name in names else "neutral"


def source_colours(report: BenchReport) -> dict[str, str]:
    """A colour for each drafter; neutral for the model's own tokens, whose source is ""."""
    sources = dict.fromkeys(source for arm in own_arms(report) for source in [*arm.sources, *arm.drafted] if source)
    return {"": "neutral", **{source: SERIES[number % len(SERIES)] for number, source in enumerate(sources)}}
