"""Tables of a mask bench, for the terminal and in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from foretell.bench.mask_bench import MaskRun
from foretell.bench.masks.measure import CRASH, PASS, REFUSED, TIMEOUT, WRONG_ACCEPT, WRONG_REJECT
from foretell.bench.masks.published import NUM_SCHEMAS, PUBLISHED, SETTING, PublishedResult
from foretell.bench.masks.summary import EngineSummary

HEAD = (
    "engine", "passes", "refused", "wrong rejects", "wrong accepts", "timeouts", "crashes",
    "compile p50 / p99", "first mask p50 / p99", "mask mean / p50 / p99", "forced",
)  # fmt: skip
LEGEND = (
    "Schemas by outcome: an engine passes a schema if every instance gets the right verdict. Times: to compile a schema, to compile it and "
    "compute the first token set, and to compute one token set. Forced: share of the valid instances' tokens that were the only ones "
    "allowed."
)
_NONE = "–"


def summaries(run: MaskRun, common: bool = False) -> list[EngineSummary]:
    """A summary of each engine, over all cases; common: over the cases that all engines pass."""
    return [EngineSummary.of(engine, results, run.common if common else None) for engine, results in run.results.items()]


def rows(run: MaskRun, published: bool = True) -> list[list[str]]:
    """Rows of cells, columns as in `HEAD`: each engine over all cases, then over the common ones. published: add the published figures."""
    made = [_row(one, f"{one.engine}") for one in summaries(run)]
    if len(run.results) > 1:
        made += [_row(one, f"{one.engine}, common subset") for one in summaries(run, common=True)]
    return made + ([_published(one) for one in PUBLISHED] if published else [])


def print_table(run: MaskRun, console: Console) -> None:
    """Print the table, and the reasons of up to ten failed cases an outcome."""
    title = f"{len(next(iter(run.results.values())))} schemas, {sum(len(case.instances) for case in run.cases)} instances"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for name in HEAD:
        table.add_column(name, justify="left" if name == "engine" else "right")
    for row in rows(run):
        table.add_row(*row)
    console.print(table)
    console.print(f"{LEGEND}\n{SETTING}", style="dim", highlight=False)
    for engine, results in run.results.items():
        for outcome in (WRONG_ACCEPT, WRONG_REJECT, CRASH, TIMEOUT):
            for one in [one for one in results if one.outcome == outcome][:10]:
                console.print(f"{engine}: {outcome}: {one.case}: {one.reason[:160]}", markup=False, highlight=False, soft_wrap=True)


def markdown(run: MaskRun) -> str:
    """The table in Markdown, with its legend."""
    lines = ["| " + " | ".join(HEAD) + " |", "| --- |" + " ---: |" * (len(HEAD) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows(run)), "", LEGEND, SETTING])


def _row(one: EngineSummary, name: str) -> list[str]:
    counts = [one.outcomes[outcome] for outcome in (REFUSED, WRONG_REJECT, WRONG_ACCEPT, TIMEOUT, CRASH)]
    return [
        name,
        f"{one.outcomes[PASS]} of {one.num_cases} ({one.passing:.1%})",
        *map(str, counts),
        _times([one.compile.p50, one.compile.p99]) if one.compile else _NONE,
        _times([one.first_mask.p50, one.first_mask.p99]) if one.first_mask else _NONE,
        _times([one.mask.mean, one.mask.p50, one.mask.p99]) if one.mask else _NONE,
        _NONE if one.forced is None else f"{one.forced:.0%}",
    ]


def _published(one: PublishedResult) -> list[str]:
    passing = f"{one.passing} of {NUM_SCHEMAS} ({one.passing / NUM_SCHEMAS:.1%})"
    counts = [one.refused, one.wrong_rejects, one.wrong_accepts]
    return [f"{one.engine}, published", passing, *map(str, counts), _NONE, _NONE, _times(one.compile), _NONE, _times(one.mask), _NONE]


def _times(seconds: Sequence[float]) -> str:
    return " / ".join(map(show_time, seconds))


def show_time(seconds: float) -> str:
    """A time with its unit, in two or three digits.

    >>> show_time(46e-6), show_time(0.00158), show_time(0.919), show_time(2.0)
    ('46 µs', '1.6 ms', '919 ms', '2.0 s')
    """
    number, unit = next(
        (seconds * scale, unit) for scale, unit in ((1, "s"), (1e3, "ms"), (1e6, "µs")) if seconds * scale >= 1 or unit == "µs"
    )
    return f"{number:.1f} {unit}" if number < 10 and unit != "µs" else f"{number:.0f} {unit}"
