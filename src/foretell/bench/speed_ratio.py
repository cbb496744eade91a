"""How many times as fast one recipe is as another: the mean ratio over prompts, with an interval that is wide where prompts are few."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

#: Prompts (or batches of them) below which nothing is concluded: their interval rests on too little to be trusted.
MIN_PROMPTS = 8
#: Levels of confidence: of the intervals that are shown, and for what is claimed or written to a file.
SHOWN_LEVEL, CLAIMED_LEVEL = 0.95, 0.99


@dataclass(frozen=True)
class SpeedRatio:
    """The geometric mean over `num` prompts of one prompt's ratio of speeds.

    mean: the geometric mean. low, high: its 95 % confidence interval, None for a single prompt. claim_low, claim_high: the interval of
    what may be claimed, at 99 %, widened where the best of several recipes is looked at. num_repeats: measurements of a prompt at most.
    """

    mean: float
    low: float | None
    high: float | None
    claim_low: float | None
    claim_high: float | None
    num: int
    num_repeats: int

    @classmethod
    def of(cls, ratios: Mapping[int, Sequence[float]], num_compared: int = 1) -> SpeedRatio | None:
        """From the ratios of each prompt, one a repeat; None for no prompts.

        Repeats of a prompt are not independent of each other, so a prompt counts once, by the median of its repeats, whose noise is then
        part of the spread over prompts. The interval is Student's, of the logarithms: unlike a bootstrap's it keeps its level for few
        prompts. num_compared: recipes of which the best will be looked at; their intervals share the error of 1 % (Bonferroni).

        >>> round(SpeedRatio.of({0: [2.0, 2.2, 9.0], 1: [2.0], 2: [1.8]}).mean, 3)
        1.993
        >>> SpeedRatio.of({0: [1.9]}).low is None
        True
        """
        logs = [math.log(statistics.median(each)) for each in ratios.values() if len(each)]
        if not logs:
            return None
        mean, num_repeats = statistics.fmean(logs), max(map(len, ratios.values()))
        low, high = _interval(logs, SHOWN_LEVEL)
        claim_low, claim_high = _interval(logs, 1 - (1 - CLAIMED_LEVEL) / max(num_compared, 1))
        return cls(math.exp(mean), low, high, claim_low, claim_high, len(logs), num_repeats)

    def interval(self, between: str = "–") -> str:
        """The 95 % interval as text; "" where there is none. between: the two ends.

        >>> SpeedRatio(1.3, 0.8, 2000.0, None, None, 2, 1).interval()
        '0.80–99+'
        """
        if self.low is None or self.high is None:
            return ""
        return between.join("99+" if end > 99 else f"{end:.2f}" for end in (self.low, self.high))

    @property
    def excludes_one(self) -> bool:
        """Whether the 95 % interval lies on one side of 1."""
        return self.low is not None and self.high is not None and not self.low <= 1 <= self.high

    @property
    def is_enough(self) -> bool:
        """Whether there are prompts enough to conclude anything."""
        return self.num >= MIN_PROMPTS


def _interval(logs: Sequence[float], level: float) -> tuple[float, float] | tuple[None, None]:
    if len(logs) < 2:
        return None, None
    mean, error = statistics.fmean(logs), statistics.stdev(logs) / math.sqrt(len(logs))
    reach = student_quantile((1 + level) / 2, len(logs) - 1) * error
    return _exp(mean - reach), _exp(mean + reach)


def _exp(value: float) -> float:
    """Two prompts that disagree say nothing; their interval must not overflow."""
    return math.exp(max(-50.0, min(value, 50.0)))


def student_quantile(share: float, degrees: int) -> float:
    """The quantile of Student's t distribution, by bisection. share: 0.5 to below 1. degrees: of freedom, 1 or more.

    >>> round(student_quantile(0.975, 7), 4)
    2.3646
    """
    low, high = 0.0, 1.0
    while _student_share(high, degrees) < share:
        low, high = high, 2 * high
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _student_share(middle, degrees) < share else (low, middle)
    return (low + high) / 2


def _student_share(value: float, degrees: int) -> float:
    """P(t <= value) for value >= 0, by the finite series for whole degrees (Abramowitz and Stegun, 26.7.3 and 26.7.4)."""
    angle = math.atan2(value, math.sqrt(degrees))
    square, odd = math.cos(angle) ** 2, degrees % 2
    term = math.cos(angle) if odd else 1.0
    total = term if degrees > 1 else 0.0
    for k in range(2 + odd, degrees, 2):
        term *= square * (k - 1) / k
        total += term
    inside = 2 / math.pi * (angle + math.sin(angle) * total) if odd else math.sin(angle) * total
    return 0.5 + inside / 2


def repeated_ratios(rates: Mapping[int, Mapping[int, float]], reference: Mapping[int, Mapping[int, float]]) -> dict[int, list[float]]:
    """By group, the ratios of the repeats in which both were measured. rates, reference: tokens a second by group and repeat.

    >>> repeated_ratios({0: {0: 4.0, 1: 6.0}, 1: {0: 1.0}}, {0: {0: 2.0, 1: 2.0}})
    {0: [2.0, 3.0]}
    """
    paired = {
        group: [rate / reference[group][repeat] for repeat, rate in repeats.items() if reference[group].get(repeat, 0.0) > 0.0]
        for group, repeats in rates.items()
        if group in reference
    }
    return {group: ratios for group, ratios in paired.items() if ratios}
