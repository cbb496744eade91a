"""Successive halving: measure many recipes on few prompts, keep the faster half, measure it on more prompts, and so on.

Jamieson and Talwalkar, "Non-stochastic Best Arm Identification and Hyperparameter Optimization", section 3. The budget is time,
shared equally among the rungs. Within a rung, the recipes and plain decoding take turns on each prompt. Rungs begin at different prompts
and with empty memories, so that recipes that join later are measured under the same conditions. The best of many looks better than it is,
so what halving chooses is only a candidate, which `trial` measures afresh.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from foretell.bench.arms import Arm, BenchSetting
from foretell.bench.named_recipe import PLAIN
from foretell.bench.runner import INTERRUPTED, BenchRun, run
from foretell.bench.tasks import Group
from foretell.decoding.recipe import Recipe
from foretell.progress import ReportProgress, no_progress

#: Recipes in the last rung, without plain decoding.
FINALISTS = 2


@dataclass
class Rung:
    """One round of halving. arms: plain decoding, then one for each of `recipes`. scores: plain decoding's time over the arm's, by arm.
    kept: the recipes that go on to the next rung."""

    recipes: list[Recipe]
    arms: list[Arm]
    run: BenchRun
    scores: dict[str, float]
    kept: list[Recipe] = field(default_factory=list)

    @property
    def names(self) -> dict[Recipe, str]:
        """The arm of each recipe."""
        return {recipe: arm.name for recipe, arm in zip(self.recipes, self.arms[1:], strict=True)}

    def ranked(self) -> list[Recipe]:
        """Recipes, the fastest first; those that were not measured are left out."""
        names = self.names
        measured = [recipe for recipe in self.recipes if names[recipe] in self.scores]
        return sorted(measured, key=lambda recipe: -self.scores[names[recipe]])


def halve(
    first: Sequence[Recipe],
    grow: Callable[[Sequence[Recipe]], list[Recipe]],
    arms_of: Callable[[Sequence[Recipe]], list[Arm]],
    groups: Sequence[Group],
    setting: BenchSetting,
    budget: float,
    report: ReportProgress = no_progress,
    after: Callable[[Rung], None] = lambda rung: None,
    clock: Callable[[], float] = time.perf_counter,
) -> list[Rung]:
    """All rungs in order; the last one has the finalists, unless time runs out before.

    first: recipes of the first rung. grow: from the first rung's ranking to the recipes that join the second (compositions of the best).
    arms_of: from recipes to the arms of plain decoding and of these recipes, in that order. groups, setting, report, clock: as of
    `runner.run`. budget: in seconds. after: told of each finished rung.
    """
    begin, rungs, recipes = clock(), list[Rung](), list(first)
    while recipes:
        final = len(recipes) <= FINALISTS and bool(rungs)
        left = budget - (clock() - begin)
        # Recipes join at the second rung, so there is at least one rung more than the first one's halvings.
        steps = 1 if final else max(2, math.ceil(math.log2(max(len(recipes), 2))) + (not rungs))
        arms = arms_of(recipes)
        offset = sum(rung.run.num_groups for rung in rungs) % len(groups)
        turned = [*groups[offset:], *groups[:offset]]
        outcome = run(arms, turned, setting, 1, max(left, 0.0) / steps, report, clock, warm_rounds=1, check_first_round=False)
        rung = Rung(recipes, arms, outcome, times_plain(outcome, arms))
        rungs.append(rung)
        stopped = outcome.ended == INTERRUPTED or (clock() - begin >= budget)
        ranking = rung.ranked()
        if not final and not stopped:
            rung.kept = ranking[: max(FINALISTS, math.ceil(len(ranking) / 2))]
            recipes = list(dict.fromkeys([*rung.kept, *(grow(ranking) if len(rungs) == 1 else [])]))
        after(rung)
        if final or stopped:
            break
    return rungs


def times_plain(outcome: BenchRun, arms: Sequence[Arm]) -> dict[str, float]:
    """By arm: plain decoding's time over the arm's time for the same tokens, over the prompts that both were measured on."""
    plain, scores = outcome.median_rates(PLAIN), {}
    for arm in arms:
        own = outcome.median_rates(arm.name)
        both = own.keys() & plain.keys()
        if arm.name != PLAIN and both:
            scores[arm.name] = sum(1 / plain[group] for group in both) / sum(1 / own[group] for group in both)
    return scores
