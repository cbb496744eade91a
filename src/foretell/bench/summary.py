"""Figures of a run by arm: speeds, paired ratios, acceptance, time by phase, and whether the texts are plain decoding's."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from foretell.bench.arms import Arm
from foretell.bench.conclusion import conclude, is_possible
from foretell.bench.hindsight import Hindsight, hindsight
from foretell.bench.named_recipe import PLAIN
from foretell.bench.prompts import kinds_of
from foretell.bench.runner import BenchRun
from foretell.bench.speed_ratio import SpeedRatio, repeated_ratios
from foretell.bench.statistics import Spread
from foretell.bench.text_comparison import TextComparison, compare
from foretell.bench.totals import Totals
from foretell.decoding.cost_curve import CostCurve

#: Tokens a second of an arm, by group and repeat.
Rates = Mapping[int, Mapping[int, float]]
#: Phases of a step, by which its time is split.
PHASES = ("draft", "forward", "decide", "other")


@dataclass
class KindSummary:
    """One arm on one kind of prompt.

    num: prompts, or batches of them. tokens_per_second: all tokens over all time. decode_tokens_per_second: after the first token of each
    text; None where that was not timed. speedup: paired ratio to plain decoding. tokens_per_step: mean, None for peers.
    acceptance: share of drafted tokens accepted at depth 1, 2, ...
    """

    num: int
    tokens_per_second: float
    decode_tokens_per_second: float | None
    speedup: SpeedRatio | None
    tokens_per_step: float | None
    acceptance: list[float]


@dataclass
class ArmSummary:
    """One arm's figures; those that need a trace are empty for peers.

    name, detail, guarantee, is_peer: of the arm. num_groups: prompts, or batches of them, that it was measured on. num_tokens, seconds: of
    all measurements. tokens_per_second: all tokens over all time. decode_tokens_per_second: after the first token of each text. speeds:
    of tokens a second over the prompts. ratios: to the reference arms by name, paired by prompt. time_split: shares of the time by phase.
    sources, drafted: shares of the text's and of the drafted tokens by the drafter that proposed them, "" for the model itself. rows:
    number of decode steps by the number of rows they verified. identity: against plain decoding's texts, None for sampled texts.
    hindsight: the bound by the cost curve. most_gain: the geometric mean over prompts of tokens a step, which no ratio to plain decoding
    can exceed. conclusion: what the ratio to plain decoding shows, as of `conclude`.
    """

    name: str
    detail: str
    guarantee: str
    is_peer: bool
    num_groups: int
    num_tokens: int
    seconds: float
    tokens_per_second: float
    decode_tokens_per_second: float | None
    speeds: Spread | None
    ratios: dict[str, SpeedRatio]
    by_kind: dict[str, KindSummary]
    tokens_per_step: float | None = None
    acceptance: list[float] = field(default_factory=list)
    time_split: dict[str, float] = field(default_factory=dict)
    sources: dict[str, float] = field(default_factory=dict)
    drafted: dict[str, float] = field(default_factory=dict)
    rows: dict[int, int] = field(default_factory=dict)
    identity: TextComparison | None = None
    hindsight: Hindsight | None = None
    most_gain: float | None = None
    conclusion: str = ""

    @property
    def speedup(self) -> SpeedRatio | None:
        """Paired ratio to plain decoding; None where none was measured, or where it cannot be true."""
        ratio = self.ratios.get(PLAIN)
        return ratio if ratio is not None and is_possible(ratio, self.most_gain) else None

    @property
    def overhead(self) -> float | None:
        """Share of the time spent neither in the model nor in the drafter; None for peers."""
        return self.time_split["decide"] + self.time_split["other"] if self.time_split else None


def summarise(run: BenchRun, arms: Sequence[Arm], curve: CostCurve | None, references: Sequence[str] | None = None) -> list[ArmSummary]:
    """Figures of the arms that were measured.

    curve: of the model, for the bound in hindsight; None leaves it out. references: names of the arms whose ratios are wanted; None means
    plain decoding and all peers.
    """
    if references is None:
        references = [arm.name for arm in arms if arm.name == PLAIN or arm.is_peer]
    rates = {arm.name: run.rates(arm.name) for arm in arms}
    num_compared = sum(not arm.is_peer and arm.name != PLAIN for arm in arms if rates[arm.name])
    return [_summary(arm, run, rates, curve, references, num_compared) for arm in arms if rates[arm.name]]


def _summary(
    arm: Arm, run: BenchRun, rates: Mapping[str, Rates], curve: CostCurve | None, references: Sequence[str], num_compared: int
) -> ArmSummary:
    measurements, own = run.of(arm.name), rates[arm.name]
    ratios = {
        name: SpeedRatio.of(repeated_ratios(own, rates[name]), num_compared) for name in references if name in rates and name != arm.name
    }
    speedups = repeated_ratios(own, rates.get(PLAIN, {}))
    kinds = {kind: [each for each in measurements if run.groups[each.group].kind == kind] for kind in kinds_of(run.groups)}
    total = Totals.of(measurements)
    summary = ArmSummary(
        arm.name,
        arm.detail,
        arm.guarantee,
        arm.is_peer,
        len(own),
        total.num_tokens,
        total.seconds,
        total.tokens_per_second,
        total.decode_tokens_per_second,
        Spread.of(list(run.median_rates(arm.name).values())),
        {name: ratio for name, ratio in ratios.items() if ratio is not None},
        {kind: _kind_summary(Totals.of(here), speedups) for kind, here in kinds.items() if here},
        identity=compare(measurements, run.of(PLAIN)) if run.setting.sampler.greedy and arm.name != PLAIN else None,
    )
    if total.trace.steps:
        _add_trace(summary, total, curve)
        by_group = [Totals.of([each for each in measurements if each.group == group]) for group in own]
        summary.most_gain = statistics.geometric_mean(each.trace.tokens_per_step for each in by_group)
    summary.conclusion = conclude(summary.ratios.get(PLAIN), summary.most_gain)
    return summary


def _kind_summary(total: Totals, speedups: Mapping[int, Sequence[float]]) -> KindSummary:
    return KindSummary(
        len(total.groups),
        total.tokens_per_second,
        total.decode_tokens_per_second,
        SpeedRatio.of({group: ratios for group, ratios in speedups.items() if group in total.groups}),
        total.trace.tokens_per_step if total.trace.steps else None,
        total.acceptance(),
    )


def _add_trace(summary: ArmSummary, total: Totals, curve: CostCurve | None) -> None:
    """Fill in the figures that only the traces of our own loop have."""
    trace = total.trace
    summary.tokens_per_step = trace.tokens_per_step
    summary.acceptance = total.acceptance()
    seconds = {phase: trace.seconds.get(phase, 0.0) for phase in PHASES}
    seconds["other"] += max(0.0, total.seconds - sum(seconds.values()))  # what the loop's own clock did not see
    whole = sum(seconds.values()) or 1.0
    summary.time_split = {phase: seconds[phase] / whole for phase in PHASES}
    summary.sources = _shares(trace.sources)
    summary.drafted = _shares(Counter(source for step in trace.steps for source in step.drafted_by))
    summary.rows = dict(sorted(Counter(1 + len(step.drafted) for step in total.later_steps).items()))
    # Several requests share the cost of a step, and the curve then says nothing about one of them.
    if curve is not None and total.is_single:
        summary.hindsight = hindsight(total.later_steps, curve)


def _shares(counts: Counter[str]) -> dict[str, float]:
    total = sum(counts.values())
    return {name: count / total for name, count in counts.most_common()} if total else {}
