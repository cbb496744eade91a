"""Claim: text that must keep a schema comes faster than free text, because what the schema forces is not computed token by token.

    python benchmarks/constrained_speed.py                    # about 4 minutes on two cores
    python benchmarks/constrained_speed.py --repeats 1 --limit 4

Twelve prompts ask for JSON objects (`foretell.bench.json_tasks`), decoded greedily by the default model, free and under their schemas,
plain and with drafts. Recipes take turns on each prompt, and each forgets at the start of a repeat what it learnt. Speeds are medians over
prompts and repeats of tokens per second, prompt included; ratios are medians of paired ones. Free text is another text than constrained
text, so ratios to it compare tokens per second only; all constrained recipes write the same text, which is checked.

Targets: `forced >>` the default recipe at least 1.5 times plain decoding under the constraint, and not slower than free plain decoding;
less than 3 % of the time spent on token sets (beside it stands all that the constraint does, drafts checked included); forced tokens
alone save at least 15 % of the steps on key-heavy schemas. The last line is JSON; the exit status is 1 if a target is missed or a
constrained text differs.

Takes: 4 minutes.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import foretell as ft
from foretell.bench.arms import Arm, ArmOutput, BenchSetting, RecipeArm
from foretell.bench.duration import parse_seconds
from foretell.bench.json_tasks import TASKS, JsonTask
from foretell.bench.machine import describe_machine, describe_versions, is_busy
from foretell.bench.runner import BenchRun, Measurement, run
from foretell.bench.statistics import Spread
from foretell.bench.tables import interval
from foretell.bench.tasks import Group, Task
from foretell.catalog.part_text import describe
from foretell.decoding.constraint import Constraint, ConstraintState
from foretell.decoding.draws import SampledDraws
from foretell.decoding.pacing.measured_curve import curve_of
from foretell.decoding.recipe import Recipe
from foretell.decoding.request import Request
from foretell.decoding.token_set import TokenSet
from foretell.models.vocabulary import Vocabulary
from foretell.prepare import default_recipe
from foretell.progress import progress_bar, show_seconds
from foretell.rules.constraints.json_schema import JsonSchema

FREE, PLAIN, FORCED, BEST = "free", "constrained", "forced", "forced >> default"


@dataclass
class Watch:
    """Seconds spent in a constraint's engine, calls within calls counted once; sets: of these, on token sets."""

    seconds: float = 0.0
    sets: float = 0.0
    running: bool = False

    def time(self, call: Callable[..., Any], *values: Any) -> Any:
        if self.running:
            return call(*values)
        self.running, begin = True, time.perf_counter()
        try:
            return call(*values)
        finally:
            self.seconds += time.perf_counter() - begin
            self.running = False


class TimedState(ConstraintState):
    """Another state, timed."""

    def __init__(self, inner: ConstraintState, watch: Watch) -> None:
        self.inner, self.watch, self.vocabulary = inner, watch, inner.vocabulary

    def allowed(self) -> TokenSet:
        before = self.watch.seconds
        allowed: TokenSet = self.watch.time(self.inner.allowed)
        self.watch.sets += self.watch.seconds - before
        return allowed

    def accepts(self, token: int) -> bool:
        return self.watch.time(self.inner.accepts, token)

    def advance(self, token: int) -> ConstraintState:
        return TimedState(self.watch.time(self.inner.advance, token), self.watch)

    @property
    def accepting(self) -> bool:
        return self.watch.time(lambda: self.inner.accepting)

    @property
    def finished(self) -> bool:
        return self.watch.time(lambda: self.inner.finished)

    def forced(self, most: int = 64) -> list[int]:
        return self.watch.time(self.inner.forced, most)


@dataclass(frozen=True)
class Timed(Constraint):
    """Another constraint, whose states are timed."""

    inner: Constraint
    watch: Watch = field(compare=False)

    def remember(self, vocabulary: Vocabulary) -> Any:
        return self.inner.remember(vocabulary)

    def begin(self, memory: Any, prompt: Sequence[int] = ()) -> ConstraintState:
        return TimedState(self.inner.begin(memory, prompt), self.watch)


@dataclass
class TimedOutput(ArmOutput):
    """engine_seconds: of `seconds`, those spent in the constraint's engine; set_seconds: of these, on token sets. finish_reason: of the
    text."""

    engine_seconds: float = 0.0
    set_seconds: float = 0.0
    finish_reason: str = ""


class ConstrainedArm(RecipeArm):
    """Our loop with a recipe, each request under its task's schema; the schema is compiled beforehand, as for a second request."""

    def __init__(self, name: str, recipe: Recipe, model: ft.Model, constraints: dict[str, Constraint]) -> None:
        super().__init__(name, recipe, model)
        self.constraints = constraints

    def run(self, group: Group, setting: BenchSetting) -> ArmOutput:
        if self.session is None:
            self.begin()
        assert self.session is not None
        (task,), watch, stops = group.tasks, Watch(), self.model.tokenizer.stop_tokens
        constraint = self.constraints.get(task.name)
        timed = None if constraint is None else Timed(constraint, watch)
        if timed is not None:
            timed.start(Vocabulary.of(self.model, stops))
            watch.seconds = watch.sets = 0.0
        request = Request(list(task.tokens), setting.num_tokens, setting.sampler, SampledDraws(0), stops, constraint=timed)
        first, begin = None, time.perf_counter()
        for _ in self.session.run([request]):
            first = first or time.perf_counter() - begin
        elapsed = time.perf_counter() - begin
        return TimedOutput(
            elapsed,
            first,
            [request.generated],
            [request.trace],
            engine_seconds=watch.seconds,
            set_seconds=watch.sets,
            finish_reason=request.finish_reason,
        )


@dataclass(frozen=True)
class Figures:
    """One arm. after_first: tokens a second after the first token. ratios: to the constrained plain arm and to the free plain one."""

    name: str
    tokens_per_second: Spread
    after_first: float
    tokens_per_step: float
    engine_share: float
    set_share: float
    shares: dict[str, float]
    ratios: dict[str, Spread]

    @classmethod
    def of(cls, name: str, result: BenchRun) -> Figures:
        outputs = [sample.output for sample in result.of(name)]
        seconds = sum(output.seconds for output in outputs)
        rest = sum(output.seconds - (output.first_seconds or 0.0) for output in outputs)
        num_tokens = sum(output.num_tokens - len(output.traces[0].decode_steps[0].tokens) for output in outputs)
        phases = {phase: sum(output.traces[0].seconds[phase] for output in outputs) / seconds for phase in outputs[0].traces[0].seconds}
        return cls(
            name,
            _spread([output.num_tokens / output.seconds for output in outputs]),
            num_tokens / rest,
            sum(output.num_tokens for output in outputs) / sum(len(output.traces[0].decode_steps) for output in outputs),
            sum(output.engine_seconds for output in outputs if isinstance(output, TimedOutput)) / seconds,
            sum(output.set_seconds for output in outputs if isinstance(output, TimedOutput)) / seconds,
            phases,
            {other: _spread(list(ratios(result, name, other).values())) for other in (PLAIN, FREE)},
        )


def cells(one: Figures) -> list[str]:
    """A row of the table, without name and phases."""
    speed = one.tokens_per_second
    times = [f"{ratio.median:.2f} ({interval(ratio)})" for ratio in (one.ratios[PLAIN], one.ratios[FREE])]
    quartiles = f"{speed.lower_quartile:.0f}–{speed.upper_quartile:.0f}"
    return [
        f"{speed.median:.1f}",
        quartiles,
        f"{one.after_first:.1f}",
        f"{one.tokens_per_step:.2f}",
        *times,
        f"{one.set_share:.1%}",
        f"{one.engine_share:.1%}",
    ]


def phases(one: Figures) -> str:
    """Where the time went."""
    return ", ".join(f"{phase} {share:.0%}" for phase, share in one.shares.items())


def _spread(values: list[float]) -> Spread:
    spread = Spread.of(values)
    assert spread is not None
    return spread


def ratios(result: BenchRun, arm: str, other: str) -> dict[int, float]:
    """Of two arms' tokens per second, by prompt: the median over repeats."""
    rates: dict[str, dict[tuple[int, int], float]] = {
        name: {(sample.group, sample.repeat): sample.output.num_tokens / sample.output.seconds for sample in result.of(name)}
        for name in (arm, other)
    }
    paired: dict[int, list[float]] = {}
    for key, rate in rates[arm].items():
        if key in rates[other]:
            paired.setdefault(key[0], []).append(rate / rates[other][key])
    return {group: statistics.median(values) for group, values in paired.items()}


def steps_saved(result: BenchRun, groups: Sequence[int]) -> float:
    """Share of steps that forced tokens alone save on some prompts."""
    steps = {
        name: sum(len(sample.output.traces[0].decode_steps) for sample in result.of(name) if sample.group in groups)
        for name in (PLAIN, FORCED)
    }
    return 1 - steps[FORCED] / steps[PLAIN]


def different(result: BenchRun, constrained: Sequence[str]) -> list[str]:
    """Constrained texts that are not the constrained plain arm's."""
    by_key: dict[tuple[int, int], dict[str, Measurement]] = {}
    for sample in result.measurements:
        by_key.setdefault((sample.group, sample.repeat), {})[sample.arm] = sample
    return [
        f"{name} on {result.groups[group].tasks[0].name}"
        for (group, _), here in by_key.items()
        for name in constrained
        if name in here and PLAIN in here and here[name].output.tokens != here[PLAIN].output.tokens
    ]


def unfinished(result: BenchRun) -> list[str]:
    """Prompts whose constrained text was cut by its length."""
    cut = [sample for sample in result.of(PLAIN) if isinstance(sample.output, TimedOutput) and sample.output.finish_reason != "stop"]
    return sorted({result.groups[sample.group].tasks[0].name for sample in cut})


def make_arms(model: ft.Model, tasks: Sequence[JsonTask], more: Sequence[str]) -> list[Arm]:
    default = describe(default_recipe(model).drafter)
    constraints: dict[str, Constraint] = {task.name: JsonSchema(task.schema) for task in tasks}
    free = {FREE: "plain", "free, default": default}
    bound = {PLAIN: "plain", FORCED: "forced", BEST: f"forced >> {default}", "constrained, default": default} | {
        name: name for name in more
    }
    return [
        *(ConstrainedArm(name, Recipe.parse(text), model, {}) for name, text in free.items()),
        *(ConstrainedArm(name, Recipe.parse(text), model, constraints) for name, text in bound.items()),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, default=192)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--limit", type=int, default=None, help="so many of the prompts")
    parser.add_argument("--budget", default="10m")
    parser.add_argument(
        "--recipes", nargs="*", default=["forced >> prompt-lookup | token-recycling"], help="more recipes under the constraint"
    )
    args = parser.parse_args()
    machine = describe_machine()
    if is_busy(machine["load"], machine["cores"]):
        print(f"warning: the machine is busy (load {machine['load']} on {machine['cores']} cores)", file=sys.stderr)
    model = ft.load()
    curve_of(model, remeasure=True)
    tasks = TASKS[: args.limit]
    groups = [Group((Task(task.name, task.kind, tuple(model.tokenizer.chat(task.prompt))),)) for task in tasks]
    arms = make_arms(model, tasks, args.recipes)
    setting = BenchSetting(args.tokens)
    with progress_bar("constrained speed") as progress:
        result = run(arms, groups, setting, args.repeats, parse_seconds(args.budget, "--budget"), progress)
    figures = {arm.name: Figures.of(arm.name, result) for arm in arms}

    print(f"{len(groups)} prompts, {args.tokens} tokens at most, {1 + max(sample.repeat for sample in result.measurements)} repeats")
    widths = (44, 7, 13, 9, 8, 22, 22, 6, 6)
    head = ("arm", "tok/s", "quartiles", "after 1st", "tok/step", "x constrained", "x free", "sets", "engine")
    print("  ".join([head[0].ljust(widths[0]), *(name.rjust(width) for name, width in zip(head[1:], widths[1:], strict=True)), "phases"]))
    for one in figures.values():
        row = [cell.rjust(width) for cell, width in zip(cells(one), widths[1:], strict=True)]
        print("  ".join([one.name.ljust(widths[0]), *row, phases(one)]))
    heavy = [i for i, task in enumerate(tasks) if task.key_heavy]
    constrained = [arm.name for arm in arms if isinstance(arm, ConstrainedArm) and arm.constraints]
    differ, best = different(result, constrained), figures[BEST]
    sets, engine = (max(shares) for shares in zip(*((figures[name].set_share, figures[name].engine_share) for name in constrained)))
    lines = [
        ("times plain under the constraint", best.ratios[PLAIN].median, 1.5, best.ratios[PLAIN].median >= 1.5),
        ("times free plain decoding", best.ratios[FREE].median, 1.0, best.ratios[FREE].median >= 1.0),
        ("largest share of time on token sets, below", sets, 0.03, sets < 0.03),
        ("largest share of time in the engine, all it does", engine, 0.0, True),
        ("steps saved by forced tokens, all prompts", steps_saved(result, range(len(tasks))), 0.0, True),
        ("texts that differ from plain's under the constraint", len(differ), 0, not differ),
    ]
    if heavy:
        saved = steps_saved(result, heavy)
        lines.append(("steps saved by forced tokens, key-heavy schemas", saved, 0.15, saved >= 0.15))
    for claim, reached, target, met in lines:
        print(f"{claim:52} {reached:6.3f}   target {target:g}{'' if met else '   MISSED'}")
    print(f"cut by length: {', '.join(unfinished(result)) or 'none'}; differing: {', '.join(differ) or 'none'}")
    print(f"took {show_seconds(result.seconds)}; load {machine['load']} at the start; {result.ended or 'complete'}")
    summary = {
        "claims": [{"claim": claim, "reached": round(reached, 4), "target": target, "met": met} for claim, reached, target, met in lines],
        "arms": {
            one.name: {
                "tokens_per_second": round(one.tokens_per_second.median, 2), "after_first": round(one.after_first, 2),
                "tokens_per_step": round(one.tokens_per_step, 3),
                "set_share": round(one.set_share, 5), "engine_share": round(one.engine_share, 5),
                "times_constrained": round(one.ratios[PLAIN].median, 3), "times_free": round(one.ratios[FREE].median, 3),
                "phases": {phase: round(share, 4) for phase, share in one.shares.items()},
            }
            for one in figures.values()
        },
        "unfinished": unfinished(result), "differences": differ, "ended": result.ended, "seconds": round(result.seconds),
        "machine": machine, "versions": describe_versions(),
    }  # fmt: skip
    print(json.dumps(summary))
    return int(not all(met for *_, met in lines))


if __name__ == "__main__":
    sys.exit(main())
