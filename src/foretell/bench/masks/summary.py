"""Figures of one engine over the cases of a mask bench."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from foretell.bench.masks.measure import OUTCOMES, PASS, REFUSED, CaseResult


@dataclass(frozen=True)
class TimeSummary:
    """Mean, median and 99th percentile of `num` times, in seconds."""

    mean: float
    p50: float
    p99: float
    num: int

    @classmethod
    def of(cls, values: Sequence[float]) -> TimeSummary | None:
        """Summarise times in seconds; None for no values."""
        if not len(values):
            return None
        p50, p99 = np.quantile(values, [0.5, 0.99])
        return cls(float(np.mean(values)), float(p50), float(p99), len(values))


@dataclass(frozen=True)
class EngineSummary:
    """Figures of one engine.

    outcomes: number of cases by outcome. wrong_accepts, wrong_rejects, order_rejects: numbers of instances. compile, first_mask: times of a
    schema, without refused ones; a schema that timed out counts with the time it had. mask: times of a token set. forced: share of the
    valid instances' tokens that were the only ones allowed, None for no tokens. reasons: why schemas were refused, with numbers, the most
    frequent first.
    """

    engine: str
    outcomes: dict[str, int]
    wrong_accepts: int
    wrong_rejects: int
    order_rejects: int
    compile: TimeSummary | None
    first_mask: TimeSummary | None
    mask: TimeSummary | None
    forced: float | None
    reasons: dict[str, int]

    @classmethod
    def of(cls, engine: str, results: Sequence[CaseResult], only: Container[str] | None = None) -> EngineSummary:
        """Summarise all results, or those of the cases named in `only`."""
        kept = [one for one in results if only is None or one.case in only]
        counts = Counter(one.outcome for one in kept)
        compiled = [one for one in kept if one.outcome != REFUSED]
        num_tokens = sum(one.num_tokens for one in kept)
        return cls(
            engine,
            {outcome: counts[outcome] for outcome in OUTCOMES},
            sum(len(one.wrong_accepts) for one in kept),
            sum(len(one.wrong_rejects) for one in kept),
            sum(len(one.order_rejects) for one in kept),
            TimeSummary.of([one.compile_seconds for one in compiled if one.compile_seconds is not None]),
            TimeSummary.of([one.first_mask_seconds for one in compiled if one.first_mask_seconds is not None]),
            TimeSummary.of([seconds for one in kept for seconds in one.mask_seconds]),
            sum(one.num_forced for one in kept) / num_tokens if num_tokens else None,
            dict(Counter(one.reason for one in kept if one.outcome == REFUSED).most_common()),
        )

    @property
    def num_cases(self) -> int:
        """Cases that were measured."""
        return sum(self.outcomes.values())

    @property
    def passing(self) -> float:
        """Share of the cases that the engine passes, 0 to 1."""
        return self.outcomes[PASS] / self.num_cases if self.num_cases else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return asdict(self)
