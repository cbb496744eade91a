"""The recipe that a tuning chooses, and why. Only what a trial shows to be faster than plain decoding is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from foretell.bench.conclusion import FASTER, SLOWER, UNDECIDED
from foretell.bench.named_recipe import PLAIN
from foretell.bench.report import BenchReport, in_words
from foretell.bench.summary import ArmSummary
from foretell.bench.tables import times_in_kind
from foretell.bench.tuning.halving import Rung
from foretell.decoding.recipe import Recipe
from foretell.words import counted

_NOTHING = "no recipe was measured within the budget; give a longer --budget"


@dataclass(frozen=True)
class Verdict:
    """recipe: that was chosen. summary: figures of the recipe that was tried, None where none was. why: in one sentence. is_decided:
    whether the measurements show that the recipe is right; otherwise plain decoding is named, and nothing is written."""

    recipe: Recipe
    summary: ArmSummary | None
    why: str
    is_decided: bool

    @property
    def is_plain(self) -> bool:
        """Whether plain decoding was chosen."""
        return not self.recipe.drafter.traits.proposes


def judge(tried: Recipe | None, report: BenchReport) -> Verdict:
    """The tried recipe, if its trial shows that it is faster than plain decoding; plain decoding otherwise.

    tried: None where none was. report: of the trial.
    """
    plain = Recipe.parse(PLAIN)
    summary = next((arm for arm in report.arms if arm.name != PLAIN), None)
    if tried is None or summary is None or PLAIN not in summary.ratios:
        return Verdict(plain, None, _NOTHING, False)
    ratio = summary.ratios[PLAIN]
    measured = f"{ratio.mean:.2f} times plain decoding in its trial ({in_words(ratio)})"
    if summary.conclusion == FASTER:
        why = f"{summary.name} is {ratio.mean:.2f} times as fast as plain decoding ({in_words(ratio)})"
        return Verdict(tried, summary, why, True)
    if summary.conclusion == SLOWER:
        return Verdict(plain, summary, f"plain decoding is the fastest; the best recipe, {summary.name}, measured {measured}", True)
    if summary.conclusion == UNDECIDED:
        why = f"no recipe is shown to be faster than plain decoding; the best, {summary.name}, measured {measured}"
        return Verdict(plain, summary, f"{why}; more prompts or a longer --budget may show a smaller gain", False)
    more = "" if ratio.is_enough else "; give more prompts, or a longer --budget if it ran out"
    return Verdict(plain, summary, f"{summary.name} measured {measured}: {summary.conclusion}{more}", False)


def explain(verdict: Verdict, rungs: Sequence[Rung], report: BenchReport) -> str:
    """The reasons as comment lines of the recipe file: what was measured, where, and the figures."""
    tried = len({recipe for rung in rungs for recipe in rung.recipes})
    tokens = counted(report.settings["max_new_tokens"], "token")
    lines = [
        "Chosen by `foretell tune`. `foretell generate` uses this file where no recipe is named.",
        f"Why: {verdict.why}.",
        f"Tried: {counted(tried, 'recipe')} in {counted(len(rungs), 'rung')}, then the best one afresh; {report.prompts}, {tokens} each.",
    ]
    best = verdict.summary
    if best is not None and best.tokens_per_step is not None and not verdict.is_plain:
        lines.append(
            f"Tokens a step: {best.tokens_per_step:.2f} (plain: 1), {best.tokens_per_second:.1f} tokens/s; guarantee: {best.guarantee}."
        )
        lines += _by_curve(best, report)
        kinds = [f"{kind} {times_in_kind(best, kind)}" for kind in best.by_kind]
        lines.append(f"By kind, times plain (?: it may be chance): {', '.join(kinds)}.")
    lines.append(f"Model: {report.model}. Machine: {report.machine['processor']}, {counted(report.machine['cores'], 'core')}.")
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
