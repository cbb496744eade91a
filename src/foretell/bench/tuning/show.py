"""Tables of a tuning, for the terminal and the page."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from foretell.bench.arms import short_name
from foretell.bench.named_recipe import PLAIN
from foretell.bench.report import shortened
from foretell.bench.tables import print_report
from foretell.bench.totals import Totals
from foretell.bench.tuning.by_kind import KindWinner
from foretell.bench.tuning.halving import Rung
from foretell.bench.tuning.outcome import TuningResult
from foretell.reports.page import Section
from foretell.words import counted


def print_rung(rung: Rung, console: Console) -> None:
    """Print the recipes of a rung, the fastest first; those that go on to the next are marked."""
    num = rung.run.num_groups
    title = f"{counted(len(rung.recipes), 'recipe')} on {counted(num, 'prompt')}"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    table.add_column("recipe", overflow="fold", min_width=24)
    for name in ("x plain", "tokens/s", "tok/step", ""):
        table.add_column(name, justify="right", no_wrap=True)
    kept = {name for recipe, name in rung.names.items() if recipe in rung.kept}
    rows = sorted(rung.arms, key=lambda arm: -rung.scores.get(arm.name, 1.0 if arm.name == PLAIN else 0.0))
    for arm in rows:
        total = Totals.of(rung.run.of(arm.name))
        tokens_per_step = f"{total.trace.tokens_per_step:.2f}" if total.trace.steps else ""
        score = "1" if arm.name == PLAIN else f"{rung.scores[arm.name]:.2f}" if arm.name in rung.scores else ""
        mark = "goes on" if arm.name in kept else ""
        style = "bold" if mark else "dim" if arm.name == PLAIN else ""
        table.add_row(arm.name, score, f"{total.tokens_per_second:.1f}", tokens_per_step, mark, style=style)
    console.print(table)
    for name, detail in shortened((arm.name, arm.detail) for arm in rows if arm.name in kept).items():
        console.print(f"{name} = {detail}", style="dim", markup=False, highlight=False, soft_wrap=True)


def print_tuning(tuning: TuningResult, console: Console) -> None:
    """Print the trial in full, the winners by kind, and the verdict."""
    print_report(tuning.report, console, f"{tuning.verdict.why}.")
    if tuning.kinds:
        table = Table(title="The best recipe by kind of prompt", title_justify="left", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
        for name, justify in (("kind", "left"), ("recipe", "left"), ("x plain", "right"), ("conclusion", "left")):
            table.add_column(name, justify=justify, overflow="fold")  # type: ignore[arg-type]
        for each in tuning.kinds:
            table.add_row(*_cells(each))
        console.print(table)
    if tuning.verdict.is_decided:
        console.print(f"chosen: {tuning.verdict.recipe}", style="bold green", markup=False, highlight=False)


def kinds_table(tuning: TuningResult) -> Section:
    """The winners by kind of prompt, for the page."""
    words = "Times plain in a trial on the kind's own prompts, of the recipes that were fast on all prompts."
    head, rows = ["kind", "recipe", "times plain", "conclusion"], [_cells(each) for each in tuning.kinds]
    return Section("The best recipe by kind of prompt", words, head=head, rows=rows)


def _cells(winner: KindWinner) -> list[str]:
    times = f"{winner.ratio.mean:.2f}" if winner.ratio is not None else ""
    return [winner.kind, short_name(winner.recipe), times, winner.conclusion]


def recipes_in_full(tuning: TuningResult) -> Section:
    """What the shortened names of recipes stand for, for the page."""
    arms = {arm.name: arm.detail for rung in tuning.rungs for arm in rung.arms}
    return Section("Recipes that were tried, in full", facts=shortened(arms.items()))


def ladder_table(tuning: TuningResult) -> Section:
    """All recipes with their score at each rung, for the page."""
    names: dict[str, list[str]] = {}
    for number, rung in enumerate(tuning.rungs):
        for name, score in rung.scores.items():
            names.setdefault(name, [""] * len(tuning.rungs))[number] = f"{score:.2f}"
    counts = [len(rung.run.median_rates(PLAIN)) for rung in tuning.rungs]
    head = ["recipe", *(f"rung {i} ({counted(count, 'prompt')})" for i, count in enumerate(counts, 1))]
    rows = [[name, *scores] for name, scores in sorted(names.items(), key=lambda item: item[1][::-1], reverse=True)]
    words = (
        "Times plain by total time on the prompts of a rung; the faster half goes on to the next. The best of many looks better than it is."
    )
    return Section("Successive halving", words, head=head, rows=rows)
