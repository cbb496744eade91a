"""The best recipe for each kind of prompt: the recipes that were fast on all prompts, measured on each kind's own."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from foretell.bench.arms import Arm, BenchSetting
from foretell.bench.named_recipe import PLAIN
from foretell.bench.prompts import kinds_of
from foretell.bench.runner import INTERRUPTED
from foretell.bench.speed_ratio import SpeedRatio
from foretell.bench.summary import summarise
from foretell.bench.tasks import Group
from foretell.bench.tuning.trial import Trial, choose
from foretell.decoding.recipe import Recipe
from foretell.progress import ReportProgress, no_progress


@dataclass(frozen=True)
class KindWinner:
    """The fastest recipe on the prompts of a kind. ratio: to plain decoding, measured afresh. conclusion: what it shows, as of
    `bench.conclusion`; only where that is "faster" the recipe is worth using for this kind."""

    kind: str
    recipe: Recipe
    ratio: SpeedRatio | None
    conclusion: str


def best_by_kind(
    recipes: Sequence[Recipe],
    arms_of: Callable[[Sequence[Recipe]], list[Arm]],
    groups: Sequence[Group],
    setting: BenchSetting,
    budget: float,
    report: ReportProgress = no_progress,
    clock: Callable[[], float] = time.perf_counter,
) -> list[KindWinner]:
    """Successive halving on each kind's prompts, and a trial of what it chose. budget: in seconds, shared equally; further arguments as
    of `halve`. Ctrl-C ends it with the kinds that were finished."""
    winners, kinds = [], kinds_of(groups)
    for kind in kinds:
        own = [group for group in groups if group.kind == kind]
        _, trial = choose(recipes, lambda ranking: [], arms_of, own, setting, budget / len(kinds), report, clock=clock)
        if trial.run.ended == INTERRUPTED:
            break
        if trial.recipe is not None:
            winners.append(_winner(kind, trial.recipe, trial))
    return winners


def _winner(kind: str, recipe: Recipe, trial: Trial) -> KindWinner:
    own = [each for each in summarise(trial.run, trial.arms, None) if each.name != PLAIN]
    if not own:
        return KindWinner(kind, recipe, None, "not measured within the budget")
    return KindWinner(kind, recipe, own[0].speedup, own[0].conclusion)
