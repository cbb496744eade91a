"""Tables of a bench report on the terminal."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from foretell.bench.arms import PLAIN
from foretell.bench.report import BenchReport
from foretell.bench.statistics import Spread
from foretell.bench.summary import ArmSummary, KindSummary

_COLUMNS = ("tokens/s", "after 1st", "x plain", "95 %", "tok/step", "1st acc", "draft", "other", "same text")
_LEGEND = (
    "after 1st: tokens/s after the first token; x plain: median ratio to plain decoding, paired by prompt, with its 95 % interval; "
    "1st acc: share of first drafted tokens accepted; draft, other: shares of the time spent drafting, and outside model and drafter; "
    "same text: texts equal to plain decoding's."
)
#: Width in columns where the output is no terminal.
_WIDTH = 132


def make_console(width: int = _WIDTH) -> Console:
    """A console on stdout; where that is a file or a pipe, `width` columns wide, so that tables are not cut."""
    console = Console()
    return console if console.is_terminal else Console(width=width)


def print_report(report: BenchReport, console: Console, sentence: str | None = None) -> None:
    """Print the tables of arms, kinds and peers, the remarks, and the outcome in a sentence. sentence: None means the report's own."""
    console.print()
    console.print(_arms(report))
    if len(report.kinds) > 1:
        console.print(_kinds(report))
    if any(arm.is_peer for arm in report.arms):
        console.print(_peers(report))
    console.print(_LEGEND, style="dim", highlight=False)
    for remark in [*report.remarks, *(f"{name} did not run: {reason}" for name, reason in report.left_out.items())]:
        console.print(remark, style="dim", markup=False, highlight=False)
    machine = report.machine
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    memory = f", {machine['memory_gib']} GiB" if machine["memory_gib"] else ""
    console.print(f"{machine['processor']}, {machine['cores']} cores{memory}; {report.model}; {versions}", style="dim", markup=False)
    console.print(f"\n{sentence or report.sentence()}", style="bold", markup=False, highlight=False)


def _table(title: str, first: str = "arm") -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    table.add_column(first, overflow="fold", min_width=18)
    return table


def _arms(report: BenchReport) -> Table:
    table = _table(f"{report.prompts}, {report.settings['max_new_tokens']} tokens each")
    for name in _COLUMNS:
        table.add_column(name, justify="right", no_wrap=True)
    best = report.best
    for arm in sorted(report.arms, key=lambda arm: -arm.tokens_per_second):
        style = "bold green" if best is not None and arm.name == best.name else "dim" if arm.is_peer else ""
        guarantee = "" if arm.guarantee in ("exact", "peer") else f" ({arm.guarantee})"
        table.add_row(
            f"{arm.name}{guarantee}",
            f"{arm.tokens_per_second:.1f}",
            _number(arm.decode_tokens_per_second, ".1f"),
            "1" if arm.name == PLAIN else _number(arm.speedup.median if arm.speedup else None, ".2f"),
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
            cells = [_kind(arm.by_kind.get(kind)) for kind in report.kinds]
            table.add_row(arm.name, *cells, style="dim" if arm.is_peer else "")
    return table


def _peers(report: BenchReport) -> Table:
    own = [arm for arm in report.arms if not arm.is_peer]
    table = _table("Times each peer, with the 95 % interval", "peer")
    for arm in own:
        table.add_column(arm.name, justify="right")
    for peer in report.arms:
        if peer.is_peer:
            ratios = [arm.ratios.get(peer.name) for arm in own]
            table.add_row(peer.name, *(f"{ratio.median:.2f} {interval(ratio)}" if ratio else "" for ratio in ratios))
    return table


def interval(spread: Spread | None) -> str:
    """The 95 % interval as text, "" for None."""
    return f"{spread.low:.2f}–{spread.high:.2f}" if spread else ""


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _kind(cell: KindSummary | None) -> str:
    if cell is None:
        return ""
    return _number(cell.speedup, ".2f") + (f" {cell.tokens_per_step:.1f}" if cell.tokens_per_step else "")


def _same(arm: ArmSummary) -> str:
    if arm.identity is None:
        return ""
    ties = len(arm.identity.differences) - arm.identity.unmarked
    return f"{arm.identity.same}/{arm.identity.compared}" + (f" ({ties} at ties)" if ties else "")
