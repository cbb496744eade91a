"""The outcome of a bench as one value: what was measured, on what, and the figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from foretell.bench.arms import Arm
from foretell.bench.machine import describe_machine, describe_versions, is_busy
from foretell.bench.runner import BenchRun
from foretell.bench.summary import ArmSummary, summarise
from foretell.bench.words import counted
from foretell.decoding.cost_curve import CostCurve
from foretell.progress import show_seconds


@dataclass(frozen=True)
class Provenance:
    """What figures belong to. model, prompts: in words. settings: by name. machine, versions: as in `foretell.bench.machine`, described
    before the run, so that the machine's load is that of other programs."""

    model: str
    prompts: str
    settings: dict[str, Any]
    machine: dict[str, Any] = field(default_factory=describe_machine)
    versions: dict[str, str] = field(default_factory=describe_versions)


@dataclass
class BenchReport:
    """The outcome of a bench.

    machine, versions, model, prompts, settings: as in `Provenance`. arms: figures by arm. curve: the model's cost curve t(n), or None.
    left_out: peers that did not run, with the reason. remarks: what a reader must know to read the figures rightly. ended: "" where all
    was measured, else why not. seconds: of the whole run.
    """

    machine: dict[str, Any]
    versions: dict[str, str]
    model: str
    prompts: str
    settings: dict[str, Any]
    arms: list[ArmSummary]
    curve: CostCurve | None
    left_out: dict[str, str] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    ended: str = ""
    seconds: float = 0.0

    @property
    def best(self) -> ArmSummary | None:
        """The fastest of our own arms by the median paired ratio to plain decoding; an exact one, if there is any."""
        own = [arm for arm in self.arms if not arm.is_peer and arm.speedup is not None]
        exact = [arm for arm in own if arm.guarantee == "exact"] or own
        return max(exact, key=lambda arm: arm.speedup.median if arm.speedup else 0.0, default=None)

    @property
    def kinds(self) -> list[str]:
        """Kinds of prompts, in order of first appearance."""
        return list(dict.fromkeys(kind for arm in self.arms for kind in arm.by_kind))

    def sentence(self) -> str:
        """The outcome in one sentence."""
        best = self.best
        if best is None or best.speedup is None:
            return "Nothing was compared with plain decoding."
        spread = best.speedup
        words = (
            f"{best.name} decodes {best.tokens_per_second:.0f} tokens a second, {spread.median:.2f} times plain decoding "
            f"(95 % interval {spread.low:.2f} to {spread.high:.2f}, {counted(spread.num, 'prompt')})"
        )
        if best.identity is not None:
            differ = best.identity.unmarked
            words += f"; {differ} of {best.identity.compared} texts differ from plain's" if differ else ", with the same text"
        return f"{words}{self._beside_peers(best)}."

    def _beside_peers(self, best: ArmSummary) -> str:
        """Ratios to transformers' plain generate and to the fastest peer, as far as they ran."""
        peers = {arm.name: best.ratios[arm.name] for arm in self.arms if arm.is_peer and arm.name in best.ratios}
        if not peers:
            return ""
        fastest = min(peers, key=lambda name: peers[name].median)
        words = f"; {peers[fastest].median:.2f} times the fastest peer, {fastest}"
        reference = "transformers"
        return words + (
            f", and {peers[reference].median:.2f} times {reference} generate" if reference in peers and reference != fastest else ""
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON, figures rounded to four digits."""
        best = self.best
        data = {"summary": self.sentence(), "best": best.name if best else None, **asdict(self)}
        for arm, entry in zip(self.arms, data["arms"], strict=True):
            entry["overhead"] = arm.overhead
            if arm.identity is not None:
                entry["identity"] |= {"same": arm.identity.same, "unmarked": arm.identity.unmarked}
        return _rounded(data)


def make_report(
    run: BenchRun, arms: Sequence[Arm], curve: CostCurve | None, provenance: Provenance, left_out: Mapping[str, str] | None = None
) -> BenchReport:
    """Sum up a run.

    arms: as given to the run. curve: of the model. left_out: peers that could not run, with the reason; those that failed during the run
    are added.
    """
    summaries = summarise(run, arms, curve)
    left_out = {**(left_out or {}), **run.failed}
    remarks = _remarks(run, arms, summaries, provenance.machine)
    return BenchReport(
        **vars(provenance), arms=summaries, curve=curve, left_out=left_out, remarks=remarks, ended=run.ended, seconds=run.seconds
    )


def _remarks(run: BenchRun, arms: Sequence[Arm], summaries: Sequence[ArmSummary], machine: Mapping[str, Any]) -> list[str]:
    remarks = [_length_remark(run)]
    if not run.setting.sampler.greedy:
        remarks.append("Sampled texts differ between arms (of exact arms by chance, not in distribution), so they are not compared.")
    if any(arm.is_peer for arm in summaries):
        remarks.append(
            "Peers run greedily with the same weights, prompts, lengths and threads. Each has its own arithmetic, so texts may differ."
        )
    if limits := {arm.limit for arm in arms if arm.limit is not None and arm.limit < len(run.groups)}:
        remarks.append(f"Peers were run on {min(limits)} of {len(run.groups)} prompts, spread over the kinds; ratios are paired by prompt.")
    if is_busy(machine.get("load"), machine["cores"]):
        load = f"load {machine['load']} on {machine['cores']} cores"
        remarks.append(f"The machine was busy at the start ({load}): ratios are more reliable than speeds.")
    if run.ended:
        remarks.append(f"Ended early ({run.ended}) after {show_seconds(run.seconds)}: figures are of what was measured.")
    lossy = [arm.name for arm in summaries if not arm.is_peer and arm.guarantee != "exact"]
    if lossy:
        remarks.append(f"Not exact, so texts may differ in distribution: {', '.join(lossy)}.")
    return remarks


def _length_remark(run: BenchRun) -> str:
    length = run.setting.num_tokens
    if run.setting.stop_tokens:
        return f"Texts end at stop tokens or after {length} tokens, so lengths differ; speeds are tokens over time."
    return f"Every text has exactly {length} tokens: stop tokens are ignored, so that all arms do the same work."


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {str(key): _rounded(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(entry) for entry in value]
    return value
