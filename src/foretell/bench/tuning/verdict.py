"""The recipe that a tuning chooses, and why. It is never slower than plain decoding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from foretell.bench.arms import PLAIN
from foretell.bench.report import BenchReport
from foretell.bench.summary import ArmSummary
from foretell.bench.tables import interval
from foretell.bench.tuning.halving import Rung
from foretell.bench.words import counted
from foretell.decoding.recipe import Recipe

_NOTHING = "no recipe was measured within the budget, so plain decoding stays; give a longer --budget"


@dataclass(frozen=True)
class Verdict:
    """recipe: that was chosen. summary, runner_up: figures of the last rung, None where there are none. why: in one sentence."""

    recipe: Recipe
    summary: ArmSummary | None
    runner_up: ArmSummary | None
    why: str

    @property
    def is_plain(self) -> bool:
        """Whether plain decoding was chosen."""
        return not self.recipe.drafter.traits.proposes


def judge(rungs: Sequence[Rung], report: BenchReport) -> Verdict:
    """The fastest recipe of the last rung, if it is significantly faster than plain decoding: by total time, and with the whole 95 %
    interval of the paired ratios above 1. Otherwise plain decoding. report: of the last rung."""
    last = rungs[-1]
    names = last.names
    figures = {arm.name: arm for arm in report.arms}
    ranking = [recipe for recipe in last.ranked() if names[recipe] in figures]
    plain = Recipe.parse(PLAIN)
    if not ranking:
        return Verdict(plain, figures.get(PLAIN), None, _NOTHING)
    best = figures[names[ranking[0]]]
    second = figures[names[ranking[1]]] if len(ranking) > 1 else None
    spread, total = best.speedup, last.scores[best.name]
    if spread is None or total <= 1.0 or spread.low <= 1.0:
        reached = f"{total:.2f} times plain" + (f", 95 % interval {interval(spread)}" if spread else "")
        why = f"nothing is significantly faster than plain decoding (the best, {best.name}: {reached})"
        return Verdict(plain, figures.get(PLAIN), best, f"{why}; more prompts or a longer --budget may show a smaller gain")
    detail = f"95 % interval {interval(spread)}, {counted(spread.num, 'prompt')}"
    why = f"{best.name} is {spread.median:.2f} times as fast as plain decoding ({detail})"
    return Verdict(ranking[0], best, second, why)


def explain(verdict: Verdict, rungs: Sequence[Rung], report: BenchReport) -> str:
    """The reasons as comment lines of the recipe file: what was measured, where, and the figures."""
    tried = len({recipe for rung in rungs for recipe in rung.recipes})
    lines = [
        "Chosen by `foretell tune`. `foretell generate` uses this file where no recipe is named.",
        f"Why: {verdict.why}.",
        f"Tried: {tried} recipes in {len(rungs)} rungs; {report.prompts}, {report.settings['max_new_tokens']} tokens each.",
    ]
    best = verdict.summary
    if best is not None and best.tokens_per_step is not None and not verdict.is_plain:
        lines.append(
            f"Tokens a step: {best.tokens_per_step:.2f} (plain: 1), {best.tokens_per_second:.1f} tokens/s; guarantee: {best.guarantee}."
        )
        lines += _by_curve(best, report)
        kinds = [f"{kind} {cell.speedup:.2f}" for kind, cell in best.by_kind.items() if cell.speedup]
        lines.append(f"By kind, times plain: {', '.join(kinds)}.")
    other = verdict.runner_up
    if other is not None and other.speedup is not None:
        lines.append(f"Runner-up: {other.name}, {other.speedup.median:.2f} times plain ({interval(other.speedup)}).")
    lines.append(f"Model: {report.model}. Machine: {report.machine['processor']}, {report.machine['cores']} cores.")
    lines += [f"Note: {remark}" for remark in report.remarks]
    return "\n".join(lines)


def _by_curve(best: ArmSummary, report: BenchReport) -> list[str]:
    steps = sum(best.rows.values())
    if report.curve is None or not steps:
        return []
    mean = sum(rows * count for rows, count in best.rows.items()) / steps
    one, price = report.curve(1), sum(report.curve(rows) * count for rows, count in best.rows.items()) / steps
    words = f"Cost curve: a step over 1 row takes {1000 * one:.1f} ms; its steps had {mean:.1f} rows and cost {price / one:.2f} times that."
    if best.hindsight is None:
        return [words]
    bound = best.hindsight
    return [words, f"By the curve alone it gains {bound.reached:.2f}; an oracle with the same drafts would gain {bound.bound:.2f}."]
