"""The best recipe of every kind of prompt: what did well over all is tried again on each kind's own prompts."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from foretell.bench.arms import Arm, Setting
from foretell.bench.prompts import kinds_of
from foretell.bench.runner import INTERRUPTED
from foretell.bench.summary import PLAIN
from foretell.bench.tasks import Group
from foretell.bench.tuning.halving import Rung, halve
from foretell.decoding.recipe import Recipe
from foretell.progress import ReportProgress, no_progress


@dataclass(frozen=True)
class KindWinner:
    """The fastest recipe on prompts of a kind: times_plain of total time on `num` prompts; plain where nothing was faster."""

    kind: str
    recipe: Recipe
    times_plain: float
    num: int


def best_by_kind(
    recipes: Sequence[Recipe],
    arms_of: Callable[[Sequence[Recipe]], list[Arm]],
    groups: Sequence[Group],
    setting: Setting,
    budget: float,
    report: ReportProgress = no_progress,
    clock: Callable[[], float] = time.perf_counter,
) -> list[KindWinner]:
    """A halving on each kind's prompts, the budget in seconds shared equally; Ctrl-C ends it with the kinds that were finished."""
    found, kinds = [], kinds_of(groups)
    for kind in kinds:
        own = [group for group in groups if group.kind == kind]
        rungs = halve(recipes, lambda ranking: [], arms_of, own, setting, budget / len(kinds), report, clock=clock)
        if rungs[-1].run.ended == INTERRUPTED:
            break
        found.append(_winner(kind, rungs))
    return found


def _winner(kind: str, rungs: Sequence[Rung]) -> KindWinner:
    last = rungs[-1]
    names = {recipe: arm.name for recipe, arm in zip(last.recipes, last.arms[1:], strict=True)}
    num = len({sample.group for sample in last.run.samples})
    ranking = last.ranked()
    if not ranking or last.scores[names[ranking[0]]] <= 1:
        return KindWinner(kind, Recipe.parse(PLAIN), 1.0, num)
    return KindWinner(kind, ranking[0], last.scores[names[ranking[0]]], num)
