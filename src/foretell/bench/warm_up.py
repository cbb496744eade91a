"""Warming up: every arm decodes the longest prompts at full length, until it becomes faster no more.

What is made at first use costs time only once: kernels are compiled, threads started, working arrays grown to the longest text, cost curves
of early exits measured. An arm that is measured before that looks slow, and those that come after it look fast.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from foretell.bench.arms import Arm, ArmOutput
from foretell.bench.tasks import Group
from foretell.progress import Progress, ReportProgress

#: Rounds after which an arm that still becomes faster is measured nevertheless, and named in the report.
MOST_ROUNDS = 5
#: An arm is warm where a round takes at least this share of the time of the round before.
SETTLED = 0.9


def warm_up(
    arms: Sequence[Arm],
    groups: Sequence[Group],
    decode: Callable[[Arm, Group], ArmOutput | None],
    least_rounds: int,
    report: ReportProgress,
) -> list[str]:
    """Warm the arms up in turns, those that are not warm yet; returns the names of those that did not settle.

    decode: runs an arm on a group, None where it failed. least_rounds: 0 does nothing; with 1 an arm counts as warm after its first round,
    without looking whether it settles. Every round begins with empty memories, so that all rounds of an arm do the same work.
    """
    waiting = [arm for arm in arms if not arm.is_warm] if least_rounds else []
    times: dict[str, list[float]] = {arm.name: [] for arm in waiting}
    for number in range(MOST_ROUNDS):
        for arm in [*waiting[number % max(len(waiting), 1) :], *waiting[: number % max(len(waiting), 1)]]:
            report(Progress(0.0, f"{arm.name}: loading and warming up"))
            arm.begin()
            outputs = [decode(arm, group) for group in longest(groups)]
            times[arm.name].append(sum(output.seconds for output in outputs if output is not None))
            arm.is_warm = True
        waiting = [arm for arm in waiting if not _is_settled(times[arm.name], least_rounds)]
    return [arm.name for arm in waiting]


def longest(groups: Sequence[Group]) -> list[Group]:
    """The group of the longest prompt, and the one with most tokens in all, which for single prompts is the same."""
    by_prompt = max(groups, key=lambda group: max(len(task.tokens) for task in group.tasks))
    by_sum = max(groups, key=lambda group: sum(len(task.tokens) for task in group.tasks))
    return [by_prompt] if by_prompt is by_sum or len(by_prompt.tasks) == 1 else [by_prompt, by_sum]


def _is_settled(times: Sequence[float], least_rounds: int) -> bool:
    return len(times) >= least_rounds and (least_rounds < 2 or times[-1] >= SETTLED * times[-2])
