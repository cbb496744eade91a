"""One engine's figures over the cases of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from foretell.bench.masks.measure import OUTCOMES, PASS, REFUSED, CaseResult


@dataclass(frozen=True)
class TimeSummary:
    """Seconds: mean, median and 99th percentile of `num` values."""

    mean: float
    p50: float
    p99: float
    num: int

    @classmethod
    def of(cls, values: Sequence[float]) -> TimeSummary | None:
        """None where there are no values."""
        if not len(values):
            return None
        p50, p99 = np.quantile(values, [0.5, 0.99])
        return cls(float(np.mean(values)), float(p50), float(p99), len(values))


@dataclass(frozen=True)
class EngineSummary:
    """outcomes: cases by outcome. wrong_accepts, wrong_rejects, order_rejects: instances. compile, first_mask: a schema, refused ones left
    out and those that ran out of time counted with what they had. mask: a token set. forced: share of valid instances' tokens that were
    the only ones allowed. reasons: why schemas were refused, the most frequent first."""

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
    def of(cls, engine: str, found: Sequence[CaseResult], only: Container[str] | None = None) -> EngineSummary:
        """Over all cases, or those named in `only`."""
        kept = [one for one in found if only is None or one.case in only]
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
        return sum(self.outcomes.values())

    @property
    def passing(self) -> float:
        """Share of cases."""
        return self.outcomes[PASS] / self.num_cases if self.num_cases else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return asdict(self)
