"""Figures of a run: speeds, paired ratios, acceptance, time split, identity, by arm."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from foretell.bench.arms import Arm
from foretell.bench.hindsight import Hindsight, hindsight
from foretell.bench.identity import Identity, compare
from foretell.bench.prompts import kinds_of
from foretell.bench.runner import Run, Sample
from foretell.bench.statistics import Spread, paired_ratios
from foretell.decoding.cost_curve import CostCurve
from foretell.decoding.trace import Step, Trace

PLAIN = "plain"
#: Where a step's time goes.
PHASES = ("draft", "forward", "decide", "other")
#: Depths shown; deeper ones are rare and noisy.
_DEPTHS = 12
_FEWEST = 5  # steps that must have drafted a depth for its acceptance to be shown


@dataclass
class ByKind:
    """One arm on one kind of prompt. decode_tokens_per_second: after the first token of each text. speedup: median paired ratio to
    plain; acceptance: by depth, the share of drafts accepted."""

    num: int
    tokens_per_second: float
    decode_tokens_per_second: float | None
    speedup: float | None
    tokens_per_step: float | None
    acceptance: list[float]


@dataclass
class ArmSummary:
    """One arm's figures; those that need a trace are empty for peers.

    tokens_per_second: all tokens over all time. decode_tokens_per_second: after the first token of each text. ratios: to the
    reference arms, paired by prompt. time_split: shares of the wall time by "draft", "forward", "decide" and "other".
    sources, drafted: shares of generated and of drafted tokens by who proposed them ("" is the model itself). rows: how many
    decode steps verified so many rows.
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
    ratios: dict[str, Spread]
    by_kind: dict[str, ByKind]
    tokens_per_step: float | None = None
    acceptance: list[float] = field(default_factory=list)
    time_split: dict[str, float] = field(default_factory=dict)
    sources: dict[str, float] = field(default_factory=dict)
    drafted: dict[str, float] = field(default_factory=dict)
    rows: dict[int, int] = field(default_factory=dict)
    identity: Identity | None = None
    hindsight: Hindsight | None = None

    @property
    def speedup(self) -> Spread | None:
        """Paired ratio to plain decoding."""
        return self.ratios.get(PLAIN)

    @property
    def overhead(self) -> float | None:
        """Share of the time spent neither in the model nor in the drafter."""
        return self.time_split["decide"] + self.time_split["other"] if self.time_split else None


def summarise(run: Run, arms: Sequence[Arm], curve: CostCurve | None, references: Sequence[str] | None = None) -> list[ArmSummary]:
    """Figures of the arms that have samples. references: arms whose ratios are wanted; None: plain and all peers."""
    if references is None:
        references = [arm.name for arm in arms if arm.name == PLAIN or arm.is_peer]
    rates = {arm.name: group_rates(run.of(arm.name)) for arm in arms}
    return [_summary(arm, run, rates, curve, references) for arm in arms if rates[arm.name]]


def group_rates(samples: Sequence[Sample]) -> dict[int, float]:
    """Tokens per second of each group: the median over repeats."""
    found: dict[int, list[float]] = {}
    for sample in samples:
        if sample.output.seconds > 0:
            found.setdefault(sample.group, []).append(sample.output.num_tokens / sample.output.seconds)
    return {group: statistics.median(values) for group, values in found.items()}


def decode_steps(samples: Sequence[Sample]) -> list[Step]:
    """Steps that added tokens, without each text's first, whose rows are mostly the prompt's."""
    return [step for sample in samples for trace in sample.output.traces for step in trace.decode_steps[1:]]


def _summary(arm: Arm, run: Run, rates: dict[str, dict[int, float]], curve: CostCurve | None, references: Sequence[str]) -> ArmSummary:
    samples = run.of(arm.name)
    seconds, num_tokens = sum(s.output.seconds for s in samples), sum(s.output.num_tokens for s in samples)
    own = rates[arm.name]
    ratios = {name: Spread.of(list(paired_ratios(own, rates[name]).values())) for name in references if name in rates and name != arm.name}
    summary = ArmSummary(
        arm.name,
        arm.detail,
        arm.guarantee,
        arm.is_peer,
        len(own),
        num_tokens,
        seconds,
        num_tokens / seconds if seconds else 0.0,
        _decode_rate(samples),
        Spread.of(list(own.values())),
        {name: spread for name, spread in ratios.items() if spread is not None},
        _by_kind(run, samples, own, rates.get(PLAIN, {})),
        identity=compare(samples, run.of(PLAIN)) if run.setting.sampler.greedy and arm.name != PLAIN else None,
    )
    if samples[0].output.traces:
        _add_traces(summary, samples, curve)
    return summary


def _add_traces(summary: ArmSummary, samples: Sequence[Sample], curve: CostCurve | None) -> None:
    traces = [trace for sample in samples for trace in sample.output.traces]
    steps = [step for trace in traces for step in trace.steps]
    whole = Trace(0, steps=steps)
    summary.tokens_per_step = whole.tokens_per_step
    summary.acceptance = _acceptance(whole)
    split = {phase: whole.seconds.get(phase, 0.0) for phase in PHASES}
    split["other"] += max(0.0, summary.seconds - sum(split.values()))  # what the loop's own clock did not see
    total = sum(split.values()) or 1.0
    summary.time_split = {phase: split[phase] / total for phase in PHASES}
    summary.sources = _shares(whole.sources)
    summary.drafted = _shares(Counter(source for step in steps for source in step.drafted_by))
    later = decode_steps(samples)
    summary.rows = dict(sorted(Counter(1 + len(step.drafted) for step in later).items()))
    # With several requests in a step its cost is shared; the curve then says nothing about one of them.
    if curve is not None and all(len(sample.output.traces) == 1 for sample in samples):
        summary.hindsight = hindsight(later, curve)


def _by_kind(run: Run, samples: Sequence[Sample], own: dict[int, float], plain: dict[int, float]) -> dict[str, ByKind]:
    found = {}
    for kind in kinds_of(run.groups):
        here = [sample for sample in samples if run.groups[sample.group].kind == kind]
        if not here:
            continue
        groups = {sample.group for sample in here}
        ratios = [ratio for group, ratio in paired_ratios(own, plain).items() if group in groups]
        whole = Trace(0, steps=[step for sample in here for trace in sample.output.traces for step in trace.steps])
        seconds = sum(sample.output.seconds for sample in here)
        found[kind] = ByKind(
            len(groups),
            sum(sample.output.num_tokens for sample in here) / seconds if seconds else 0.0,
            _decode_rate(here),
            statistics.median(ratios) if ratios else None,
            whole.tokens_per_step if whole.steps else None,
            _acceptance(whole),
        )
    return found


def _acceptance(trace: Trace) -> list[float]:
    """By depth, as far as enough steps drafted so deep."""
    deep: Counter[int] = Counter()
    for step in trace.decode_steps:
        depths: list[int] = []
        for parent in step.parents:
            depths.append(1 if parent < 0 else depths[parent] + 1)
        deep.update(range(1, max(depths, default=0) + 1))
    enough = sum(1 for depth in deep if deep[depth] >= _FEWEST)
    return trace.acceptance()[: min(enough, _DEPTHS)]


def _decode_rate(samples: Sequence[Sample]) -> float | None:
    """Tokens after the first step of each text, over the time after it; None where the first token was not timed."""
    seconds = num = 0.0
    for sample in samples:
        output = sample.output
        if output.first_seconds is None:
            return None
        at_first = sum(len(trace.decode_steps[0].tokens) for trace in output.traces if trace.decode_steps) or len(output.tokens)
        seconds += output.seconds - output.first_seconds
        num += output.num_tokens - at_first
    return num / seconds if seconds > 0 else None


def _shares(counts: Counter[str]) -> dict[str, float]:
    total = sum(counts.values())
    return {name: count / total for name, count in counts.most_common()} if total else {}
