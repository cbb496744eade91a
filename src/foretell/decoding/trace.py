"""The record of a run, step by step. All figures that Foretell reports are computed from it."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any

#: The source of tokens that end a text within max_new_tokens (`Request.ending`).
ENDING = "ending"


@dataclass
class Step:
    """One step of one request.

    num_rows: rows that this request fed. drafted, parents, drafted_by: tokens, parents and sources of its tree. accepted: nodes on the
    accepted path. tokens: token ids added to the text. sources: the drafter that proposed each of `tokens` ("" for the target itself,
    `ENDING` for a constraint's ending). ties: indices in `tokens` where the two best logits were closer than the model's tolerance.
    seconds: this request's share of the step's time, by "draft", "forward", "decide", "other", and "mask" (computing allowed tokens)
    under a constraint. For a group of models: speakers[i] is the member that tokens[i] was drawn from, and work the number of rows that
    each member computed, including text that it had not read before.
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

    @property
    def num_decoded(self) -> int:
        """Number of added tokens without those of an ending, which no pass of the model is behind."""
        return len(self.tokens) - self.sources.count(ENDING)


@dataclass
class Trace:
    """All steps of one request. prompt_length: in tokens. recipe: as text. guarantee: its kind ("exact", "bounded" or "lossy")."""

    prompt_length: int
    recipe: str = ""
    guarantee: str = "exact"
    steps: list[Step] = field(default_factory=list)

    def take_back(self) -> None:
        """Remove the last token; the step that added it keeps its time."""
        step = next(step for step in reversed(self.steps) if step.tokens)
        last = len(step.tokens) - 1
        del step.tokens[last], step.sources[last]
        step.accepted = step.accepted[:last]
        step.ties = [tie for tie in step.ties if tie < last]
        step.speakers = step.speakers[:last]

    @property
    def num_tokens(self) -> int:
        """Number of generated tokens."""
        return sum(len(step.tokens) for step in self.steps)

    @property
    def decode_steps(self) -> list[Step]:
        """Steps that added tokens to the text. Steps that read a piece of a long prompt do not."""
        return [step for step in self.steps if step.tokens]

    @property
    def tokens_per_step(self) -> float:
        """Mean number of tokens that a decode step adds, without those of an ending; at most 1 for plain decoding."""
        steps = self.decode_steps
        return sum(step.num_decoded for step in steps) / len(steps) if steps else 0.0

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds by "draft", "forward", "decide", "other", and "mask" under a constraint."""
        total: Counter[str] = Counter()
        for step in self.steps:
            total.update(step.seconds)
        return dict(total)

    @property
    def tokens_per_second(self) -> float:
        """Generated tokens divided by the time of all steps, including those over the prompt."""
        elapsed = sum(self.seconds.values())
        return self.num_tokens / elapsed if elapsed else 0.0

    @property
    def sources(self) -> Counter[str]:
        """Number of generated tokens by the drafter that proposed them ("" is the target itself)."""
        return Counter(source for step in self.steps for source in step.sources)

    @property
    def speakers(self) -> list[int]:
        """For each generated token, the member of a group of models that it was drawn from; [] for a single model."""
        return [speaker for step in self.steps for speaker in step.speakers]

    @property
    def switches(self) -> int:
        """How often the member of a group changed within the generated text."""
        return sum(a != b for a, b in pairwise(self.speakers))

    @property
    def work(self) -> list[int]:
        """Number of rows that each member of a group computed, including those of the prompt; [] for a single model."""
        return [sum(rows) for rows in zip(*(step.work for step in self.steps if step.work), strict=True)]

    @property
    def ties(self) -> list[int]:
        """Indices in the generated text where the two best logits were closer than the model's tolerance."""
        indices, start = [], 0
        for step in self.steps:
            indices += [start + tie for tie in step.ties]
            start += len(step.tokens)
        return indices

    def acceptance(self) -> list[float]:
        """For depth 1, 2, ...: of the decode steps that drafted to this depth, the share that accepted to this depth."""
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
    """Splits the time of a step by phase. seconds: by phase."""

    def __init__(self) -> None:
        self.seconds = {"draft": 0.0, "forward": 0.0, "decide": 0.0, "other": 0.0}
        self._last = time.perf_counter()

    def stop(self, phase: str) -> None:
        """Add the time since the last call to `phase`."""
        now = time.perf_counter()
        self.seconds[phase] = self.seconds.get(phase, 0.0) + now - self._last
        self._last = now

    def share(self, num: int) -> dict[str, float]:
        """The seconds of each phase divided by `num`, the number of requests in the step."""
        return {phase: seconds / num for phase, seconds in self.seconds.items()}
