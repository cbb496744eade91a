"""The record of a run, one event a step: the only source of every figure shown anywhere."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any


@dataclass
class Step:
    """One step of one request.

    num_rows: rows this request fed. drafted, parents, drafted_by: its tree. accepted: nodes on the accepted path. tokens: what
    was added to the text, `sources[i]` saying which drafter proposed tokens[i] ("" for the target's own). ties: places in
    `tokens` where the two best logits lay closer than the model's tolerance. seconds: this request's share of the step, by
    "draft", "forward", "decide", "other", and "mask" (finding what is allowed) under a constraint. Of a group of models:
    speakers[i] is the member that tokens[i] was drawn from, and work the rows that each member computed, catching up included.
    """

    num_rows: int
    drafted: list[int]
    parents: list[int]
    drafted_by: list[str]
    accepted: list[int]
    tokens: list[int]
    sources: list[str]
    ties: list[int]
    seconds: dict[str, float]
    speakers: list[int] = field(default_factory=list)
    work: list[int] = field(default_factory=list)


@dataclass
class Trace:
    """All steps of one request. `prompt_length` in tokens; `recipe` as text; `guarantee` of the recipe ("exact", ...)."""

    prompt_length: int
    recipe: str = ""
    guarantee: str = "exact"
    steps: list[Step] = field(default_factory=list)

    def take_back(self) -> None:
        """Forget the last token; the step that added it keeps its time."""
        step = next(step for step in reversed(self.steps) if step.tokens)
        place = len(step.tokens) - 1
        del step.tokens[place], step.sources[place]
        step.accepted = step.accepted[:place]
        step.ties = [tie for tie in step.ties if tie < place]
        step.speakers = step.speakers[:place]

    @property
    def num_tokens(self) -> int:
        """Tokens generated."""
        return sum(len(step.tokens) for step in self.steps)

    @property
    def decode_steps(self) -> list[Step]:
        """Steps that added to the text (a long prompt takes steps that do not)."""
        return [step for step in self.steps if step.tokens]

    @property
    def tokens_per_step(self) -> float:
        """Mean tokens a target step adds; 1 for plain decoding."""
        steps = len(self.decode_steps)
        return self.num_tokens / steps if steps else 0.0

    @property
    def seconds(self) -> dict[str, float]:
        """Time by "draft", "forward", "decide", "other", and "mask" under a constraint."""
        total: Counter[str] = Counter()
        for step in self.steps:
            total.update(step.seconds)
        return dict(total)

    @property
    def tokens_per_second(self) -> float:
        """Generated tokens over all time, prompt included."""
        elapsed = sum(self.seconds.values())
        return self.num_tokens / elapsed if elapsed else 0.0

    @property
    def sources(self) -> Counter[str]:
        """Generated tokens by who proposed them ("" is the target itself)."""
        return Counter(source for step in self.steps for source in step.sources)

    @property
    def speakers(self) -> list[int]:
        """For each generated token, the member of a group of models that it was drawn from; [] for a single model."""
        return [speaker for step in self.steps for speaker in step.speakers]

    @property
    def switches(self) -> int:
        """How often the turn changed within the generated text."""
        return sum(a != b for a, b in pairwise(self.speakers))

    @property
    def work(self) -> list[int]:
        """Rows that each member of a group computed in all, prompt and catching up included; [] for a single model."""
        return [sum(rows) for rows in zip(*(step.work for step in self.steps if step.work), strict=True)]

    @property
    def ties(self) -> list[int]:
        """Places in the generated text where the model's own choice was within its tolerance."""
        places, done = [], 0
        for step in self.steps:
            places += [done + tie for tie in step.ties]
            done += len(step.tokens)
        return places

    def acceptance(self) -> list[float]:
        """Share of decode steps whose accepted path reached depth 1, 2, ... of those that drafted so deep."""
        reached: Counter[int] = Counter()
        drafted: Counter[int] = Counter()
        for step in self.decode_steps:
            depths: list[int] = []
            for parent in step.parents:
                depths.append(1 if parent < 0 else depths[parent] + 1)
            drafted.update(range(1, max(depths, default=0) + 1))
            reached.update(range(1, len(step.accepted) + 1))
        return [reached[depth] / drafted[depth] for depth in sorted(drafted)]

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return asdict(self)


class Clock:
    """Splits a step's time by phase; `stop(phase)` books the time since the last call."""

    def __init__(self) -> None:
        self.seconds = {"draft": 0.0, "forward": 0.0, "decide": 0.0, "other": 0.0}
        self._last = time.perf_counter()

    def stop(self, phase: str) -> None:
        now = time.perf_counter()
        self.seconds[phase] = self.seconds.get(phase, 0.0) + now - self._last
        self._last = now

    def share(self, num: int) -> dict[str, float]:
        return {phase: seconds / num for phase, seconds in self.seconds.items()}
