"""Runs arms side by side: interleaved group by group, in rotating order, within a budget, until done or interrupted.

A machine's speed drifts (heat, neighbours). Arms that take turns on each prompt share the drift, and ratios of the same prompt
cancel it; the order rotates so that no arm always runs after the same other.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, field

from foretell.bench.arms import Arm, Output, Setting
from foretell.bench.tasks import Group
from foretell.errors import UserError
from foretell.progress import Progress, ReportProgress, no_progress

#: Tokens generated to warm an arm up before it is timed: compiles kernels, touches memory, starts threads.
WARM_TOKENS = 8
#: Why a run ended before all was measured.
INTERRUPTED, BUDGET_SPENT = "interrupted", "time budget spent"


@dataclass
class Sample:
    """One arm's output for one group in one repeat."""

    arm: str
    group: int
    repeat: int
    output: Output


@dataclass
class Run:
    """samples: all that were finished. ended: "" when all is done, else why not (INTERRUPTED, BUDGET_SPENT)."""

    groups: Sequence[Group]
    setting: Setting
    samples: list[Sample] = field(default_factory=list)
    ended: str = ""
    seconds: float = 0.0
    failed: dict[str, str] = field(default_factory=dict)

    def of(self, arm: str) -> list[Sample]:
        """The samples of one arm."""
        return [sample for sample in self.samples if sample.arm == arm]


def schedule(arms: Sequence[Arm], num_groups: int, repeats: int = 1) -> Iterator[tuple[int, int, list[Arm]]]:
    """(repeat, group, arms in their order) round by round; a round is one group through all arms that measure it."""
    if repeats < 1:
        raise UserError(f"repeats={repeats!r} must be at least 1")
    for repeat in range(repeats):
        for group in range(num_groups):
            turn = (group + repeat) % max(len(arms), 1)
            order = [*arms[turn:], *arms[:turn]]
            yield repeat, group, [arm for arm in order if arm.limit is None or group < arm.limit]


def run(
    arms: Sequence[Arm],
    groups: Sequence[Group],
    setting: Setting,
    repeats: int = 1,
    budget: float | None = None,
    report: ReportProgress = no_progress,
    clock: Callable[[], float] = time.perf_counter,
    warm: bool = True,
) -> Run:
    """Measure.

    budget: seconds after which no round is begun that would not fit; at least one round runs. warm: let each arm decode a few
    tokens first, untimed. Ctrl-C ends the run with what is finished. A peer that raises is left out from then on, with its
    message in `Run.failed`.
    """
    result, begin = Run(groups, setting), clock()
    plan = list(schedule(arms, len(groups), repeats))
    forecast = Forecast(Counter(arm.name for _, _, order in plan for arm in order))
    try:
        if warm:
            _warm_up(arms, groups, setting, result, report)
        for number, (repeat, group, order) in enumerate(plan):
            if group == 0:
                for arm in arms:
                    arm.begin()
            here = [arm for arm in order if arm.name not in result.failed]
            if budget is not None and number and clock() - begin + sum(forecast.mean(arm.name) for arm in here) > budget:
                result.ended = BUDGET_SPENT
                break
            for arm in here:
                past, to_go = clock() - begin, forecast.to_go(result.failed)
                label = f"{arm.name} on prompt {group + 1} of {len(groups)}"
                report(Progress(past / (past + to_go) if to_go else 0.0, label, to_go))
                start = clock()
                _measure(arm, groups[group], Sample(arm.name, group, repeat, Output(0.0, None, [])), result)
                forecast.note(arm.name, clock() - start)
    except KeyboardInterrupt:
        result.ended = INTERRUPTED
    result.seconds = clock() - begin
    return result


@dataclass
class Forecast:
    """Seconds to go, by each arm's own mean so far; arms that have not run yet count as the mean of the others."""

    left: Counter[str]
    spent: dict[str, float] = field(default_factory=dict)
    runs: Counter[str] = field(default_factory=Counter)

    def note(self, arm: str, seconds: float) -> None:
        self.left[arm] -= 1
        self.spent[arm] = self.spent.get(arm, 0.0) + seconds
        self.runs[arm] += 1

    def mean(self, arm: str) -> float:
        if self.runs[arm]:
            return self.spent[arm] / self.runs[arm]
        return sum(self.spent.values()) / max(sum(self.runs.values()), 1)

    def to_go(self, without: Container[str] = ()) -> float:
        return sum(count * self.mean(arm) for arm, count in self.left.items() if arm not in without)


def _warm_up(arms: Sequence[Arm], groups: Sequence[Group], setting: Setting, result: Run, report: ReportProgress) -> None:
    short = Setting(min(WARM_TOKENS, setting.num_tokens), setting.sampler)
    shortest = min(groups, key=lambda group: sum(len(task.tokens) for task in group.tasks))
    for arm in arms:
        report(Progress(0.0, f"{arm.name}: loading and warming up"))
        _measure(arm, shortest, None, result, short)


def _measure(arm: Arm, group: Group, sample: Sample | None, result: Run, setting: Setting | None = None) -> None:
    try:
        output = arm.run(group, setting or result.setting)
    except (KeyboardInterrupt, AssertionError):
        raise
    except Exception as error:
        if not arm.is_peer:
            raise  # our own faults are not to be papered over
        result.failed[arm.name] = f"{type(error).__name__}: {error}"
        return
    if sample is not None:
        sample.output = output
        result.samples.append(sample)
