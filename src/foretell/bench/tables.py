"""Tables of a bench report on the terminal."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from foretell.bench.conclusion import FASTER, SLOWER
from foretell.bench.named_recipe import PLAIN
from foretell.bench.report import BenchReport
from foretell.bench.speed_ratio import SpeedRatio
from foretell.bench.statistics import Spread
from foretell.bench.summary import ArmSummary
from foretell.words import counted

_COLUMNS = ("tokens/s", "after 1st", "x plain", "95 %", "tok/step", "1st acc", "draft", "other", "same text")
_LEGEND = (
    "after 1st: tokens/s after the first token; x plain: mean ratio to plain decoding, paired by prompt, with its 95 % interval; "
    "1st acc: share of first drafted tokens accepted; draft, other: shares of the time spent drafting, and outside model and drafter; "
    "same text: texts equal to plain decoding's; ?: it may be chance."
)
#: Width in columns where the output is no terminal.
_WIDTH = 132


def make_console(width: int = _WIDTH) -> Console:
    """A console on stdout; where that is a file or a pipe, `width` columns wide, so that tables are not cut."""
    console = Console()
    return console if console.is_terminal else Console(width=width)


def print_report(report: BenchReport, console: Console, sentence: str | None = None) -> None:
    """Print the tables of recipes, kinds and peers, the remarks, and the outcome in a sentence. sentence: None means the report's own."""
    console.print()
    console.print(_recipes(report))
    if len(report.kinds) > 1:
        console.print(_kinds(report))
    if any(arm.is_peer for arm in report.arms):
        console.print(_peers(report))
    for name, detail in report.shortened().items():
        console.print(f"{name} = {detail}", style="dim", markup=False, highlight=False, soft_wrap=True)
    console.print(_LEGEND, style="dim", highlight=False)
    for remark in [*report.remarks, *(f"{name} did not run: {reason}" for name, reason in report.left_out.items())]:
        console.print(remark, style="dim", markup=False, highlight=False)
    machine = report.machine
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    memory = f", {machine['memory_gib']} GiB" if machine["memory_gib"] else ""
    console.print(
        f"{machine['processor']}, {counted(machine['cores'], 'core')}{memory}; {report.model}; {versions}", style="dim", markup=False
    )
    console.print(f"\n{sentence or report.sentence()}", style="bold", markup=False, highlight=False)


def _table(title: str, first: str = "recipe") -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    table.add_column(first, overflow="fold", min_width=18)
    return table


def _recipes(report: BenchReport) -> Table:
    table = _table(f"{report.prompts}, {counted(report.settings['max_new_tokens'], 'token')} each")
    for name in _COLUMNS:
        table.add_column(name, justify="right", no_wrap=True)
    best = report.winner
    for arm in sorted(report.arms, key=lambda arm: -arm.tokens_per_second):
        style = "bold green" if best is not None and arm.name == best.name else "dim" if arm.is_peer else ""
        guarantee = "" if arm.guarantee in ("exact", "peer") else f" ({arm.guarantee})"
        table.add_row(
            f"{arm.name}{guarantee}",
            f"{arm.tokens_per_second:.1f}",
            _number(arm.decode_tokens_per_second, ".1f"),
            "1" if arm.name == PLAIN else times(arm),
            interval(arm.speedup),
            _number(arm.tokens_per_step, ".2f"),
            _number(arm.acceptance[0] if arm.acceptance else None, ".0%"),
            _number(arm.time_split.get("draft"), ".1%"),
            _number(arm.overhead, ".1%"),
            _same(arm),
            style=style,
        )
    return table


def _kinds(report: BenchReport) -> Table:
    table = _table("Times plain by kind of prompt, and tokens a step")
    for kind in report.kinds:
        table.add_column(kind, justify="right")
    for arm in report.arms:
        if arm.name != PLAIN:
            cells = [_kind(arm, kind) for kind in report.kinds]
            table.add_row(arm.name, *cells, style="dim" if arm.is_peer else "")
    return table


def _peers(report: BenchReport) -> Table:
    peers = [arm.name for arm in report.arms if arm.is_peer]
    table = _table("Times each other program, with the 95 % interval")
    for name in peers:
        table.add_column(name, justify="right")
    for arm in report.arms:
        if not arm.is_peer:
            ratios = [arm.ratios.get(name) for name in peers]
            table.add_row(arm.name, *(f"{ratio.mean:.2f} {interval(ratio)}" if ratio else "" for ratio in ratios))
    return table


def interval(ratio: SpeedRatio | Spread | None) -> str:
    """The 95 % interval as text; "" where there is none, as for a single prompt."""
    if isinstance(ratio, SpeedRatio):
        return ratio.interval()
    return f"{ratio.low:.2f}–{ratio.high:.2f}" if ratio else ""


def times(arm: ArmSummary) -> str:
    """How many times as fast as plain decoding, with a question mark where that may be chance; "" where it was not measured."""
    return "" if arm.speedup is None else f"{arm.speedup.mean:.2f}{doubt(arm)}"


def doubt(arm: ArmSummary) -> str:
    """A question mark where the ratio to plain decoding may be chance."""
    return "" if arm.conclusion in (FASTER, SLOWER) else "?"


def times_in_kind(arm: ArmSummary, kind: str) -> str:
    """The same for the prompts of one kind; a question mark where the 95 % interval holds 1, or of a single prompt."""
    cell = arm.by_kind.get(kind)
    if cell is None or cell.speedup is None or arm.speedup is None:
        return ""
    return f"{cell.speedup.mean:.2f}" + ("" if cell.speedup.excludes_one else "?")


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _kind(arm: ArmSummary, kind: str) -> str:
    cell = arm.by_kind.get(kind)
    return times_in_kind(arm, kind) + (f" {cell.tokens_per_step:.1f}" if cell and cell.tokens_per_step else "")


def _same(arm: ArmSummary) -> str:
    if arm.identity is None:
        return ""
    ties = len(arm.identity.differences) - arm.identity.unmarked
    return f"{arm.identity.same}/{arm.identity.compared}" + (f" ({ties} at ties)" if ties else "")
