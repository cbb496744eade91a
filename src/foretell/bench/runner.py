"""Measures arms side by side: interleaved group by group, in rotating order, until done, interrupted or out of time.

A machine's speed drifts with heat and other load. Arms that take turns on each prompt share the drift, and ratios of the same prompt
cancel it. The order rotates, so that no arm always runs after the same other. All are warmed up first (`warm_up`), and the first round is
measured once more at the end: where it differs, the first measurement is not used (`first_round`).
"""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, field

from foretell.bench.arms import Arm, ArmOutput, BenchSetting
from foretell.bench.first_round import slow_starts
from foretell.bench.tasks import Group
from foretell.bench.warm_up import warm_up
from foretell.errors import UserError
from foretell.progress import Progress, ReportProgress, no_progress

#: Why a run ended before all was measured.
INTERRUPTED, BUDGET_SPENT = "interrupted", "time budget spent"


@dataclass
class Measurement:
    """One arm's output for one group in one repeat. arm: its name. group, repeat: counted from 0."""

    arm: str
    group: int
    repeat: int
    output: ArmOutput


@dataclass
class BenchRun:
    """All measurements of a run.

    ended: "" where all was measured, else INTERRUPTED or BUDGET_SPENT. seconds: of the whole run. failed: peers that raised, with the
    message. unsettled: arms that still became faster when their warm-up ended. slow_starts: by arm, how many times as long as at the end
    the first round took beside the other arms; where it is not empty, the first round's figures are those of the end.
    """

    groups: Sequence[Group]
    setting: BenchSetting
    measurements: list[Measurement] = field(default_factory=list)
    ended: str = ""
    seconds: float = 0.0
    failed: dict[str, str] = field(default_factory=dict)
    unsettled: list[str] = field(default_factory=list)
    slow_starts: dict[str, float] = field(default_factory=dict)

    @property
    def num_groups(self) -> int:
        """Groups that at least one arm was measured on."""
        return len({measurement.group for measurement in self.measurements})

    def of(self, arm: str) -> list[Measurement]:
        """The measurements of one arm."""
        return [measurement for measurement in self.measurements if measurement.arm == arm]

    def rates(self, arm: str) -> dict[int, dict[int, float]]:
        """Tokens a second of one arm by group and repeat."""
        rates: dict[int, dict[int, float]] = {}
        for measurement in self.of(arm):
            output = measurement.output
            if output.seconds > 0:
                rates.setdefault(measurement.group, {})[measurement.repeat] = output.num_tokens / output.seconds
        return rates

    def median_rates(self, arm: str) -> dict[int, float]:
        """Tokens a second of one arm by group: the median over repeats."""
        return {group: statistics.median(repeats.values()) for group, repeats in self.rates(arm).items()}


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
    setting: BenchSetting,
    repeats: int = 1,
    budget: float | None = None,
    report: ReportProgress = no_progress,
    clock: Callable[[], float] = time.perf_counter,
    warm_rounds: int = 2,
    check_first_round: bool = True,
) -> BenchRun:
    """Measure all arms on all groups.

    budget: seconds after which no round begins that would not end in time; at least one round runs. report: told before each
    measurement. clock: in seconds. warm_rounds: as of `warm_up`, for arms that are not warm yet. check_first_round: measure the first round
    once more at the end, if time is left, and use the second measurement where the first one is off.

    Ctrl-C ends the run with what was measured. A peer that raises is left out from then on, with its message in `BenchRun.failed`;
    exceptions of our own arms are raised.
    """
    result, begin = BenchRun(groups, setting), clock()
    rounds = list(schedule(arms, len(groups), repeats))
    num_counted = len(rounds)
    if check_first_round and rounds:
        rounds.append((repeats, 0, rounds[0][2]))
    estimate = TimeEstimate(Counter(arm.name for _, _, order in rounds for arm in order))

    def measure(arm: Arm, group: int, repeat: int) -> None:
        past, left = clock() - begin, estimate.seconds_left(result.failed)
        report(Progress(past / (past + left) if left else 0.0, f"{arm.name} on prompt {group + 1} of {len(groups)}", left))
        start = clock()
        output = _output(arm, groups[group], setting, result)
        if output is not None:
            result.measurements.append(Measurement(arm.name, group, repeat, output))
        estimate.note(arm.name, clock() - start)

    try:
        result.unsettled = warm_up(arms, groups, lambda arm, group: _output(arm, group, setting, result), warm_rounds, report)
        for number, (repeat, group, order) in enumerate(rounds):
            running = [arm for arm in order if arm.name not in result.failed]
            if budget is not None and number and clock() - begin + sum(estimate.mean(arm.name) for arm in running) > budget:
                result.ended = BUDGET_SPENT if number < num_counted else ""
                break
            if group == 0:
                for arm in arms:
                    arm.begin()
            for arm in running:
                measure(arm, group, repeat)
    except KeyboardInterrupt:
        result.ended = INTERRUPTED
    _judge_first_round(result, repeats)
    result.seconds = clock() - begin
    return result


def _judge_first_round(result: BenchRun, repeats: int) -> None:
    """Take the repetition of the first round out of the measurements, or put it in the first round's place."""
    again = {each.arm: each.output for each in result.measurements if each.repeat == repeats}
    result.measurements = [each for each in result.measurements if each.repeat < repeats]
    first = [each for each in result.measurements if (each.repeat, each.group) == (0, 0) and each.arm in again]
    result.slow_starts = slow_starts({each.arm: (each.output.seconds, again[each.arm].seconds) for each in first})
    if result.slow_starts:
        for each in first:
            each.output = again[each.arm]


@dataclass
class TimeEstimate:
    """The time to go, by each arm's mean so far; arms that have not run yet count as the mean of the others.

    num_left: measurements to go by arm. spent: seconds so far by arm. num_done: measurements so far by arm.
    """

    num_left: Counter[str]
    spent: dict[str, float] = field(default_factory=dict)
    num_done: Counter[str] = field(default_factory=Counter)

    def note(self, arm: str, seconds: float) -> None:
        """Count a measurement."""
        self.num_left[arm] -= 1
        self.spent[arm] = self.spent.get(arm, 0.0) + seconds
        self.num_done[arm] += 1

    def mean(self, arm: str) -> float:
        """Seconds that the arm's next measurement is expected to take."""
        if self.num_done[arm]:
            return self.spent[arm] / self.num_done[arm]
        return sum(self.spent.values()) / max(sum(self.num_done.values()), 1)

    def seconds_left(self, without: Container[str] = ()) -> float:
        """Seconds that all measurements to go are expected to take. without: names of arms that will not run."""
        return sum(count * self.mean(arm) for arm, count in self.num_left.items() if arm not in without)


def _output(arm: Arm, group: Group, setting: BenchSetting, result: BenchRun) -> ArmOutput | None:
    """The arm's output; None, and an entry in `result.failed`, where a peer raises."""
    try:
        return arm.run(group, setting)
    except AssertionError:
        raise
    except Exception as error:
        if not arm.is_peer:
            raise
        result.failed[arm.name] = f"{type(error).__name__}: {error}"
        return None
