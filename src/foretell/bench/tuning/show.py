"""A tuning on the terminal: a table at each rung, and the verdict."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from foretell.bench.arms import short_name
from foretell.bench.summary import PLAIN, group_rates
from foretell.bench.tables import print_report
from foretell.bench.tuning.by_kind import KindWinner
from foretell.bench.tuning.halving import Rung
from foretell.bench.tuning.outcome import Tuning
from foretell.decoding.trace import Trace
from foretell.reports.page import Section


def print_rung(rung: Rung, console: Console) -> None:
    """Arms of a rung, fastest first; those that go on are marked."""
    num = len({sample.group for sample in rung.run.samples})
    title = f"{len(rung.recipes)} {'recipe' if len(rung.recipes) == 1 else 'recipes'} on {num} {'prompt' if num == 1 else 'prompts'}"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    table.add_column("recipe", overflow="fold", min_width=24)
    for name in ("x plain", "tokens/s", "tok/step", ""):
        table.add_column(name, justify="right", no_wrap=True)
    kept = {arm.name for recipe, arm in zip(rung.recipes, rung.arms[1:], strict=True) if recipe in rung.kept}
    rows = sorted(rung.arms, key=lambda arm: -rung.scores.get(arm.name, 1.0 if arm.name == PLAIN else 0.0))
    for arm in rows:
        samples = rung.run.of(arm.name)
        seconds = sum(sample.output.seconds for sample in samples)
        speed = sum(sample.output.num_tokens for sample in samples) / seconds if seconds else 0.0
        steps = Trace(0, steps=[step for sample in samples for trace in sample.output.traces for step in trace.steps])
        score = "1" if arm.name == PLAIN else f"{rung.scores[arm.name]:.2f}" if arm.name in rung.scores else ""
        mark = "goes on" if arm.name in kept else ""
        style = "bold" if mark else "dim" if arm.name == PLAIN else ""
        table.add_row(arm.name, score, f"{speed:.1f}", f"{steps.tokens_per_step:.2f}" if steps.steps else "", mark, style=style)
    console.print(table)


def print_tuning(tuning: Tuning, console: Console) -> None:
    """The last rung in full, and the verdict."""
    print_report(tuning.report, console, f"{tuning.verdict.why}.")
    if tuning.kinds:
        table = Table(title="The best of every kind", title_justify="left", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
        for name, justify in (("kind", "left"), ("recipe", "left"), ("x plain", "right"), ("prompts", "right")):
            table.add_column(name, justify=justify, overflow="fold")  # type: ignore[arg-type]
        for each in tuning.kinds:
            table.add_row(*_cells(each))
        console.print(table)
    console.print(f"winner: {tuning.verdict.recipe}", style="bold green", markup=False, highlight=False)


def kinds_table(tuning: Tuning) -> Section:
    """The winner of every kind, for the page."""
    words = "Times plain by total time on the kind's own prompts, of the recipes that were fast on all prompts."
    head, rows = ["kind", "recipe", "times plain", "prompts"], [_cells(each) for each in tuning.kinds]
    return Section("The best recipe by kind of prompt", words, head=head, rows=rows)


def _cells(winner: KindWinner) -> list[str]:
    return [winner.kind, short_name(winner.recipe), f"{winner.times_plain:.2f}", str(winner.num)]


def ladder_table(tuning: Tuning) -> Section:
    """Every recipe with its score at each rung, for the page."""
    names: dict[str, list[str]] = {}
    for number, rung in enumerate(tuning.rungs):
        for name, score in rung.scores.items():
            names.setdefault(name, [""] * len(tuning.rungs))[number] = f"{score:.2f}"
    counts = [len(group_rates(rung.run.of(PLAIN))) for rung in tuning.rungs]
    head = ["recipe", *(f"rung {i} ({count} prompts)" for i, count in enumerate(counts, 1))]
    rows = [[name, *scores] for name, scores in sorted(names.items(), key=lambda item: item[1][::-1], reverse=True)]
    words = "Times plain by total time on the prompts of a rung; the faster half goes on to the next."
    return Section("Successive halving", words, head=head, rows=rows)
