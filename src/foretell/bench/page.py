"""The page of a bench report: its table, plots and facts as sections."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from foretell.bench import plots
from foretell.bench.named_recipe import PLAIN
from foretell.bench.report import BenchReport
from foretell.bench.speed_ratio import SpeedRatio
from foretell.bench.tables import interval, times, times_in_kind
from foretell.reports.page import Section, page, write_page

#: The speed-up by which a cell of the table by kind has its full colour.
_FULL_COLOUR = 3.0


def render(report: BenchReport, title: str = "Foretell bench", first: Sequence[Section] = (), lead: str = "") -> str:
    """The page as text; arguments as of `write_report`."""
    return page(
        _heading(report, title),
        [*filter(_is_filled, first), *sections(report)],
        lead or report.sentence(),
        _remarks(report),
        report.to_dict(),
    )


def write_report(
    report: BenchReport, path: Path | str, title: str = "Foretell bench", first: Sequence[Section] = (), lead: str = ""
) -> None:
    """Write the page. title: of the program. first: sections before the report's own. lead: the sentence to read first, "" for the
    report's own. Raises FileWriteError, and ImportError without matplotlib."""
    write_page(
        path,
        _heading(report, title),
        [*filter(_is_filled, first), *sections(report)],
        lead or report.sentence(),
        _remarks(report),
        report.to_dict(),
    )


def sections(report: BenchReport) -> list[Section]:
    """Tables, plots and facts, without those that have nothing to show."""
    best = report.best
    recipes = [(plots.arm_colour(report, arm), arm.name) for arm in plots.compared_arms(report) if arm.acceptance]
    sources = [(colour, source or "the model itself") for source, colour in plots.source_colours(report).items()]
    phases = [(colour, phase) for phase, colour in plots.PHASE_COLOURS.items()]
    name, rows = (best.name, best.rows) if best is not None else ("", {})
    all_sections = [
        recipe_table(report),
        Section("Recipes in full", facts={arm.name: arm.detail for arm in report.arms}),
        peer_table(report),
        Section("Speed", "All tokens over all time. Other programs are grey.", figure=plots.speed_plot(report)),
        kind_table(report),
        Section(
            "Acceptance by depth",
            "Of the steps that drafted to that depth, the share whose accepted path reached it; of the fastest recipes, if there are many.",
            figure=plots.acceptance_plot(report),
            legend=recipes,
        ),
        Section(
            "Time by phase",
            'For each generated token. "Other" is everything outside the model, the drafter and the verifier.',
            figure=plots.time_plot(report),
            legend=phases,
        ),
        Section(
            "Cost curve",
            f"Time of a forward step by its number of rows on this machine, and how many rows {name} verified.",
            figure=plots.cost_plot(report.curve, rows, name),
        ),
        Section(
            "Sources of the text",
            "Tokens of the text and drafted tokens, by the drafter that proposed them.",
            figure=plots.sources_plot(report),
            legend=sources,
        ),
        Section("Settings and machine", facts=_facts(report)),
    ]
    return list(filter(_is_filled, all_sections))


def _is_filled(section: Section) -> bool:
    return bool(section.figure or section.rows or section.facts)


def recipe_table(report: BenchReport) -> Section:
    """All recipes and programs, the fastest first."""
    head = ["recipe", "tokens/s", "after the first", "times plain", "95 % interval", "tokens a step", "overhead", "same text", "bound"]
    arms = sorted(report.arms, key=lambda arm: -arm.tokens_per_second)
    rows = []
    for arm in arms:
        guarantee = "" if arm.guarantee in ("exact", "peer") else f" ({arm.guarantee})"
        bound = arm.hindsight
        rows.append(
            [
                arm.name + guarantee,
                f"{arm.tokens_per_second:.1f}",
                _or_blank(arm.decode_tokens_per_second, ".1f"),
                "1" if arm.name == PLAIN else times(arm),
                interval(arm.speedup),
                _or_blank(arm.tokens_per_step, ".2f"),
                _or_blank(arm.overhead, ".1%"),
                f"{arm.identity.same}/{arm.identity.compared}" if arm.identity else "",
                f"{bound.reached:.2f} of {bound.bound:.2f}" if bound and arm.name != PLAIN else "",
            ]
        )
    words = (
        "After the first: tokens a second after the first token. Times plain: mean over prompts of the ratio to plain decoding; a question "
        "mark: that may be chance. Overhead: share of the time outside model and drafter. Bound: by the cost curve alone, the speed-up of "
        "the rows that were verified, and of an oracle that verifies only what is accepted."
    )
    marked = next((place for place, arm in enumerate(arms) if arm is report.winner), -1)
    return Section("Recipes", words, head=head, rows=rows, marked=marked)


def peer_table(report: BenchReport) -> Section:
    """Ratios of our recipes to each other program; no rows where none ran."""
    peers, rows = [arm.name for arm in report.arms if arm.is_peer], []
    for arm in plots.own_arms(report) if peers else []:
        ratios = [arm.ratios.get(name) for name in peers]
        rows.append([arm.name, *(f"{ratio.mean:.2f} ({interval(ratio)})" if ratio else "" for ratio in ratios)])
    words = "Mean over prompts of the ratio of speeds, with its 95 % interval."
    return Section("Times other programs", words, head=["recipe", *peers], rows=rows)


def kind_table(report: BenchReport) -> Section:
    """Speed-ups by kind of prompt, coloured; no rows for a single kind."""
    kinds = report.kinds
    rows, shades = [], []
    for arm in report.arms if len(kinds) > 1 else []:
        cells = [times_in_kind(arm, kind) for kind in kinds]
        if arm.name != PLAIN and any(cells):
            rows.append([arm.name, *cells])
            shades.append([_shade(arm.by_kind[kind].speedup if cell else None) for kind, cell in zip(kinds, cells, strict=True)])
    words = (
        "Mean over prompts of the ratio to plain decoding. Without colour and with a question mark: it may be chance, since its 95 % "
        "interval holds 1, or there is one prompt only."
    )
    return Section("Speed-up by kind of prompt", words, head=["recipe", *kinds], rows=rows, shades=shades)


def _shade(speedup: SpeedRatio | None) -> float:
    """-1 to 1; twice as fast and half as fast are equally far from 0, and what may be chance is 0.

    >>> [round(_shade(SpeedRatio(mean, mean, mean, mean, mean, 4, 1)), 2) for mean in (3.0, 1.0, 0.5)]
    [0.8, 0.0, -0.5]
    """
    if speedup is None or not speedup.excludes_one:
        return 0.0
    return 0.8 * max(-1.0, min(math.log(speedup.mean) / math.log(_FULL_COLOUR), 1.0))


def _heading(report: BenchReport, title: str) -> str:
    return f"{title} · {report.prompts} · {report.model}"


def _remarks(report: BenchReport) -> list[str]:
    return [*report.remarks, *(f"{name} did not run: {reason}" for name, reason in report.left_out.items())]


def _facts(report: BenchReport) -> dict[str, object]:
    features = " ".join(report.machine.get("features", []))
    facts = {"model": report.model, **report.settings, **report.machine, "features": features, **report.versions}
    return {name.replace("_", " "): value for name, value in facts.items() if value is not None}


def _or_blank(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)
