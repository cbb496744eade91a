"""The outcome of a tuning: its rungs, the figures of the trial, and the verdict."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from foretell.bench.report import BenchReport
from foretell.bench.tuning.by_kind import KindWinner
from foretell.bench.tuning.halving import Rung
from foretell.bench.tuning.verdict import Verdict


@dataclass
class TuningResult:
    """rungs: in order. report: figures of the trial. verdict: the recipe that was chosen. kinds: winners by kind of prompt, if asked
    for."""

    rungs: list[Rung]
    report: BenchReport
    verdict: Verdict
    kinds: list[KindWinner] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        ladder = [{name: round(score, 4) for name, score in rung.scores.items()} for rung in self.rungs]
        verdict = self.verdict
        return {
            "chosen": str(verdict.recipe),
            "is_decided": verdict.is_decided,
            "why": verdict.why,
            "speedup": asdict(verdict.summary.speedup) if verdict.summary and verdict.summary.speedup else None,
            "rungs": ladder,
            "kinds": [{**asdict(each), "recipe": str(each.recipe)} for each in self.kinds],
            **{key: value for key, value in self.report.to_dict().items() if key not in ("summary", "best", "winner")},
        }
