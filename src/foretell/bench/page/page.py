"""Puts a report's text, tables and plots on one page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from foretell.bench.page import plots
from foretell.bench.page.curves import cost_curve
from foretell.bench.report import BenchReport
from foretell.bench.summary import PHASES, PLAIN
from foretell.bench.tables import interval


@dataclass(frozen=True)
class Figure:
    """A plot with its heading, what it shows, and a legend of (colour class, words)."""

    title: str
    words: str
    svg: Markup
    legend: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Table:
    """A table of text cells; the first column is left-aligned. `marked` is the row to stress, -1 for none."""

    title: str
    words: str
    head: list[str]
    rows: list[list[str]]
    marked: int = -1


def render(report: BenchReport, title: str = "Foretell bench", tables: Sequence[Table] = (), sentence: str | None = None) -> str:
    """The page as text. tables: shown before the bench's own, as `foretell tune` does."""
    rooms = ChoiceLoader([PackageLoader("foretell.bench.page", "."), PackageLoader("foretell.data", "styles")])
    environment = Environment(loader=rooms, autoescape=True, undefined=StrictUndefined)
    facts = {**report.machine, "features": " ".join(report.machine.get("features", []))}
    return environment.get_template("page.html.j2").render(
        title=title,
        report=report,
        sentence=sentence or report.sentence(),
        tables=[*tables, arm_table(report), *_peer_tables(report)],
        figures=[figure for figure in figures(report) if figure.svg],
        facts={"model": report.model, **facts, **report.settings},
        details={arm.name: arm.detail for arm in report.arms},
        data=Markup(json.dumps(report.to_dict()).replace("<", "\\u003c")),
    )


def write_page(
    report: BenchReport, path: Path, title: str = "Foretell bench", tables: Sequence[Table] = (), sentence: str | None = None
) -> None:
    """To a temporary neighbour that is then renamed."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(render(report, title, tables, sentence), encoding="utf-8")
    partial.replace(path)


def figures(report: BenchReport) -> list[Figure]:
    """All plots, empty ones too."""
    best = report.best
    arms = [(plots.series_of(report, arm), arm.name) for arm in plots.told_apart(report) if arm.acceptance]
    sources = [(css, source or "the model itself") for source, css in plots.source_classes(report).items()]
    phases = list(zip(("s6", "s1", "s2", "neutral"), PHASES, strict=True))
    chosen, rows = (best.name, best.rows) if best is not None else ("", {})
    shown = [
        ("Speed", "All tokens over all time; our arms in colour, the best one stronger, other programs in grey.", plots.speed(report), []),
        ("Speed-up by kind of prompt", "Median over prompts of the paired ratio to plain decoding.", plots.heat(report), []),
        (
            "Acceptance by depth",
            "Of the steps that drafted so deep, the share whose accepted path reached that depth; of many arms, the fastest.",
            plots.acceptance(report),
            arms,
        ),
        (
            "Where the time goes",
            'For each generated token; "other" is everything outside model, drafter and decision.',
            plots.time_split(report),
            phases,
        ),
        (
            "The cost curve, and what was chosen on it",
            f"What a forward step costs by its number of rows on this machine, and how many rows {chosen} verified.",
            cost_curve(report.curve, rows, chosen),
            [],
        ),
        ("Who wrote the text", "Tokens of the text, and drafted tokens, by who proposed them.", plots.shares(report), sources),
    ]
    return [Figure(title, words, Markup(svg), legend) for title, words, svg, legend in shown]


def arm_table(report: BenchReport) -> Table:
    """All arms, fastest first."""
    head = [
        "arm",
        "tokens/s",
        "after the first",
        "times plain",
        "95 % interval",
        "tokens a step",
        "overhead",
        "same text",
        "hindsight bound",
    ]
    rows: list[list[str]] = []
    marked = -1
    for arm in sorted(report.arms, key=lambda arm: -arm.tokens_per_second):
        if report.best is not None and arm.name == report.best.name:
            marked = len(rows)
        guarantee = "" if arm.guarantee in ("exact", "peer") else f" ({arm.guarantee})"
        bound = arm.hindsight
        rows.append(
            [
                arm.name + guarantee,
                f"{arm.tokens_per_second:.1f}",
                _or_blank(arm.decode_tokens_per_second, ".1f"),
                "1" if arm.name == PLAIN else _or_blank(arm.speedup.median if arm.speedup else None, ".2f"),
                interval(arm.speedup),
                _or_blank(arm.tokens_per_step, ".2f"),
                _or_blank(arm.overhead, ".1%"),
                f"{arm.identity.same}/{arm.identity.compared}" if arm.identity else "",
                f"{bound.reached:.2f} of {bound.bound:.2f}" if bound and arm.name != PLAIN else "",
            ]
        )
    words = (
        "Times plain: median over prompts of paired ratios. Hindsight bound: the speed-up over plain that the cost curve gives to "
        "the rows that were verified, and to an oracle that had verified only what was accepted."
    )
    return Table("Arms", words, head, rows, marked)


def _peer_tables(report: BenchReport) -> list[Table]:
    own = plots.own_arms(report)
    rows = []
    for peer in report.arms:
        if peer.is_peer:
            ratios = [arm.ratios.get(peer.name) for arm in own]
            rows.append([peer.name, *(f"{ratio.median:.2f} ({interval(ratio)})" if ratio else "" for ratio in ratios)])
    words = "Median over prompts of paired ratios, with its 95 % interval."
    return [Table("Times each other program", words, ["program", *(arm.name for arm in own)], rows)] if rows else []


def _or_blank(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)
