"""What a reader must know to read the figures of a bench rightly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from foretell.bench.arms import Arm
from foretell.bench.machine import is_busy
from foretell.bench.named_recipe import PLAIN
from foretell.bench.runner import BenchRun
from foretell.bench.speed_ratio import MIN_PROMPTS
from foretell.bench.summary import ArmSummary
from foretell.progress import show_seconds
from foretell.words import counted


def remarks_on(run: BenchRun, arms: Sequence[Arm], summaries: Sequence[ArmSummary], machine: Mapping[str, Any]) -> list[str]:
    """All remarks on a run, in sentences. machine: as of `describe_machine`."""
    remarks = [_length_remark(run), *_doubts(run, summaries)]
    if not run.setting.sampler.greedy:
        remarks.append("Sampled texts differ between recipes (of exact ones by chance, not in distribution), so they are not compared.")
    if any(arm.is_peer for arm in summaries):
        remarks.append(
            "Peers run greedily with the same weights, prompts, lengths and threads. Each has its own arithmetic, so texts may differ."
        )
    if limits := {arm.limit for arm in arms if arm.limit is not None and arm.limit < len(run.groups)}:
        prompts = counted(len(run.groups), "prompt")
        remarks.append(f"Peers were run on {min(limits)} of {prompts}, spread over the kinds; ratios are paired by prompt.")
    if is_busy(machine.get("load"), machine["cores"]):
        load = f"load {machine['load']} on {counted(machine['cores'], 'core')}"
        remarks.append(f"The machine was busy at the start ({load}): ratios are more reliable than speeds.")
    if run.ended:
        remarks.append(f"Ended early ({run.ended}) after {show_seconds(run.seconds)}: figures are of what was measured.")
    lossy = [arm.name for arm in summaries if not arm.is_peer and arm.guarantee != "exact"]
    if lossy:
        remarks.append(f"Not exact, so texts may differ in distribution: {', '.join(lossy)}.")
    return remarks


def _doubts(run: BenchRun, summaries: Sequence[ArmSummary]) -> list[str]:
    """Why figures are not to be trusted, or are not those of the first try."""
    doubts = []
    ratios = [arm.ratios[PLAIN] for arm in summaries if PLAIN in arm.ratios]
    if ratios and not all(ratio.is_enough for ratio in ratios):
        doubts.append(f"Too few prompts to conclude: {min(ratio.num for ratio in ratios)}; {MIN_PROMPTS} or more are needed.")
    for arm in summaries:
        if PLAIN in arm.ratios and arm.speedup is None:
            doubts.append(
                f"{arm.name} measured {arm.ratios[PLAIN].mean:.2f} times plain, which is {arm.conclusion}; "
                "other programs may have disturbed it: run it again."
            )
    if run.slow_starts:
        times = ", ".join(f"{name} {ratio:.2f} times as long" for name, ratio in run.slow_starts.items())
        doubts.append(
            f"In the first round some took another time than in the same round at the end ({times}), whose figures are used instead."
        )
    if run.unsettled:
        doubts.append(f"Still became faster when the warm-up ended, so speeds may be too low: {', '.join(run.unsettled)}.")
    return doubts


def _length_remark(run: BenchRun) -> str:
    length = run.setting.num_tokens
    if run.setting.stop_tokens:
        return f"Texts end at stop tokens or after {counted(length, 'token')}, so lengths differ; speeds are tokens over time."
    return f"Every text has exactly {counted(length, 'token')}: stop tokens are ignored, so that all recipes do the same work."
