"""The best recipe for each kind of prompt: the recipes that were fast on all prompts, measured on each kind's own."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from foretell.bench.arms import PLAIN, Arm, BenchSetting
from foretell.bench.prompts import kinds_of
from foretell.bench.runner import INTERRUPTED
from foretell.bench.tasks import Group
from foretell.bench.tuning.halving import Rung, halve
from foretell.decoding.recipe import Recipe
from foretell.progress import ReportProgress, no_progress


@dataclass(frozen=True)
class KindWinner:
    """The fastest recipe on `num` prompts of a kind; plain decoding where nothing is faster. times_plain: its speed-up by total time."""

    kind: str
    recipe: Recipe
    times_plain: float
    num: int


def best_by_kind(
    recipes: Sequence[Recipe],
    arms_of: Callable[[Sequence[Recipe]], list[Arm]],
    groups: Sequence[Group],
    setting: BenchSetting,
    budget: float,
    report: ReportProgress = no_progress,
    clock: Callable[[], float] = time.perf_counter,
) -> list[KindWinner]:
    """Successive halving on each kind's prompts. budget: in seconds, shared equally; further arguments as of `halve`. Ctrl-C ends it with
    the kinds that were finished."""
    winners, kinds = [], kinds_of(groups)
    for kind in kinds:
        own = [group for group in groups if group.kind == kind]
        rungs = halve(recipes, lambda ranking: [], arms_of, own, setting, budget / len(kinds), report, clock=clock)
        if rungs[-1].run.ended == INTERRUPTED:
            break
        winners.append(_winner(kind, rungs))
    return winners


def _winner(kind: str, rungs: Sequence[Rung]) -> KindWinner:
    last = rungs[-1]
    ranking, num = last.ranked(), last.run.num_groups
    score = last.scores[last.names[ranking[0]]] if ranking else 0.0
    return KindWinner(kind, ranking[0], score, num) if score > 1 else KindWinner(kind, Recipe.parse(PLAIN), 1.0, num)
