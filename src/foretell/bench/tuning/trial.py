"""The trial of the recipe that halving chose: measured afresh against plain decoding, where possible on prompts that did not choose it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from foretell.bench.arms import Arm, BenchSetting
from foretell.bench.named_recipe import PLAIN
from foretell.bench.prompts import kinds_of
from foretell.bench.runner import BUDGET_SPENT, INTERRUPTED, BenchRun, run
from foretell.bench.speed_ratio import MIN_PROMPTS
from foretell.bench.tasks import Group
from foretell.bench.tuning.halving import Rung, halve
from foretell.decoding.recipe import Recipe
from foretell.progress import ReportProgress, no_progress

#: Times that every prompt is measured, if the budget lasts.
REPEATS = 5
#: Share of the budget for choosing; the rest is for the trial.
CHOOSING_SHARE = 0.6


@dataclass
class Trial:
    """A recipe and plain decoding, measured. recipe: None where none was tried. arms: plain decoding's, then the recipe's."""

    recipe: Recipe | None
    arms: list[Arm]
    run: BenchRun


def split(groups: Sequence[Group]) -> tuple[list[Group], list[Group]]:
    """The prompts to choose by and the prompts of the trial: two halves with the same kinds, if each is large enough to conclude from;
    otherwise all prompts for both, which are measured anew for the trial."""
    num_kinds = len(kinds_of(groups))
    halves: tuple[list[Group], list[Group]] = ([], [])
    for number, group in enumerate(groups):  # prompts come in turns of one of each kind
        halves[number // num_kinds % 2].append(group)
    return halves if min(map(len, halves)) >= MIN_PROMPTS else (list(groups), list(groups))


def choose(
    first: Sequence[Recipe],
    grow: Callable[[Sequence[Recipe]], list[Recipe]],
    arms_of: Callable[[Sequence[Recipe]], list[Arm]],
    groups: Sequence[Group],
    setting: BenchSetting,
    budget: float,
    report: ReportProgress = no_progress,
    after: Callable[[Rung], None] = lambda rung: None,
    clock: Callable[[], float] = time.perf_counter,
) -> tuple[list[Rung], Trial]:
    """Halving on one part of the prompts, then the trial of its best recipe on the other; arguments as of `halve`.

    Where halving was interrupted, or measured no recipe, the trial holds plain decoding alone.
    """
    begin, (choosing, trying) = clock(), split(groups)
    rungs = halve(first, grow, arms_of, choosing, setting, CHOOSING_SHARE * budget, report, after, clock)
    last, best = rungs[-1], next(iter(rungs[-1].ranked()), None)
    if best is None or last.run.ended == INTERRUPTED:
        return rungs, Trial(None, last.arms[:1], replace(last.run, measurements=last.run.of(PLAIN)))
    trial = try_recipe(best, arms_of, trying, setting, budget - (clock() - begin), report, clock)
    if trial.run.ended == BUDGET_SPENT:
        trial.run.ended = ""  # a trial is meant to spend its budget
    return rungs, trial


def try_recipe(
    recipe: Recipe,
    arms_of: Callable[[Sequence[Recipe]], list[Arm]],
    groups: Sequence[Group],
    setting: BenchSetting,
    budget: float,
    report: ReportProgress = no_progress,
    clock: Callable[[], float] = time.perf_counter,
) -> Trial:
    """Measure the recipe and plain decoding in turns, each prompt up to `REPEATS` times; arguments as of `halve`."""
    arms = arms_of([recipe])
    return Trial(recipe, arms, run(arms, groups, setting, REPEATS, budget, report, clock))
