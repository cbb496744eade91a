"""The contract of searches: many partial outputs, scored, within a budget of tokens or time."""

from __future__ import annotations

import math
import time
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from torch import Tensor

from foretell.decoding.constraint import Constraint, ConstraintState
from foretell.decoding.sampler import NonFiniteLogitsError
from foretell.decoding.verifier import Guarantee
from foretell.errors import UserError
from foretell.models.base import Cache, Context, Feed, Model
from foretell.models.reading import num_passes, read
from foretell.models.top_k import best_two
from foretell.models.vocabulary import Vocabulary
from foretell.parts import Part


@dataclass(frozen=True)
class Hypothesis:
    """One partial output: its new `tokens` (a stop token included where it ended with one) and the search's own `score`."""

    tokens: tuple[int, ...] = ()
    score: float = 0.0
    finished: bool = False

    @property
    def mean_score(self) -> float:
        """The score a token; 0 where there is none."""
        return self.score / len(self.tokens) if self.tokens else 0.0


@dataclass
class Goal:
    """What is asked of a search.

    prompt: token ids, at least one. max_new_tokens, max_seconds: the budget; when the time is spent, what there is counts.
    stop_tokens end a hypothesis. cache: one whose committed rows are the first ones of the prompt, or None; it is given back
    holding the prompt, and nothing but it. constraint: a rule that every hypothesis obeys, or None; it needs stop tokens.
    """

    prompt: Sequence[int]
    max_new_tokens: int = 10
    stop_tokens: frozenset[int] = frozenset()
    max_seconds: float = math.inf
    cache: Cache | None = None
    constraint: Constraint | None = None

    def __post_init__(self) -> None:
        if not len(self.prompt):
            raise UserError("prompt=[] has no tokens; give at least one")
        if self.max_new_tokens < 1:
            raise UserError(f"max_new_tokens={self.max_new_tokens!r} must be at least 1")
        if not self.max_seconds > 0:
            raise UserError(f"max_seconds={self.max_seconds!r} must be above 0")


@dataclass(frozen=True)
class Proof:
    """What a search that counts nothing out knows of the texts that it did not look at: none is ranked above `bound` (minus
    infinity: it looked at all). num_proven: how many of the first hypotheses are therefore the best that there are; gap: how far
    above the best of them the bound is, 0 where that one is proven, infinite where there is none. num_expanded: texts whose row
    was computed."""

    bound: float
    num_proven: int
    gap: float
    num_expanded: int

    @classmethod
    def of(cls, bound: float, ranks: Sequence[float], num_expanded: int) -> Proof:
        """From what the hypotheses are ranked by, the best first."""
        gap = max(0.0, bound - ranks[0]) if ranks else math.inf
        return cls(bound, sum(rank >= bound for rank in ranks), gap, num_expanded)

    @property
    def optimal(self) -> bool:
        """Whether the first hypothesis is proven to be the best text."""
        return self.num_proven > 0


@dataclass
class Found:
    """What a search came back with.

    hypotheses: best first. num_passes: forward passes, the prompt's included. seconds: by "prompt", "forward" and "search".
    finish_reason: "length", "stop" (no hypothesis is left to continue), "time", "nodes" or "context". cache: the goal's, or a new
    one. proof: of searches that prove their result.
    """

    hypotheses: list[Hypothesis]
    cache: Cache
    num_passes: int = 0
    finish_reason: str = "length"
    seconds: dict[str, float] = field(default_factory=dict)
    proof: Proof | None = None


class Search(Part):
    """Settings of a search. Memory lives across calls and is made here; a search keeps no other state."""

    guarantee: ClassVar[Guarantee]

    def remember(self, model: Model) -> Any:
        """Memory kept across calls with this model; raises ValueError where the search does not fit the model."""
        return None

    @abstractmethod
    def run(self, model: Model, goal: Goal, memory: Any) -> Found:
        """The best continuations of the goal's prompt. memory: what `remember` returned for this model."""


class Run:
    """The part of a run that all searches share: the prompt's pass, the budget, and the clock. state: where the constraint stands
    before the first new token; None where there is no constraint."""

    def __init__(self, model: Model, goal: Goal) -> None:
        if len(goal.prompt) >= model.max_length:
            raise UserError(f"prompt has {len(goal.prompt)} tokens, but the model was made for {model.max_length}; shorten the prompt")
        self.model, self.goal = model, goal
        self.state: ConstraintState | None = None
        if goal.constraint is not None:
            self.state = goal.constraint.start(Vocabulary.of(model, goal.stop_tokens), goal.prompt)
        self.cache = goal.cache if goal.cache is not None else model.new_cache(Context(len(goal.prompt)))
        self.num_passes, self.finish_reason = 0, ""
        self._seconds = {"prompt": 0.0, "forward": 0.0, "search": 0.0}
        self._began = self._last = time.perf_counter()

    def read_prompt(self) -> Tensor:
        """Logits (vocab_size,) after the prompt, of which only what the cache lacks is fed; its last token always is."""
        self.cache.reuse(len(self.goal.prompt))
        unread = self.goal.prompt[self.cache.length :]
        [rows] = read(self.model, [(self.cache, unread)])
        self.num_passes += num_passes(len(unread))
        self.stop("prompt")
        return finite(rows.logits[-1])

    def forward(self, feeds: Sequence[Feed]) -> list[Tensor]:
        """Logits (vocab_size,) of all rows of the feeds that they are asked for."""
        self.stop("search")
        rows = [finite(row) for each in self.model.forward(feeds) for row in each.logits]
        self.num_passes += 1
        self.stop("forward")
        return rows

    def over(self, num_new: int, alive: bool) -> bool:
        """Whether to stop after `num_new` tokens; afterwards `finish_reason` says why."""
        if not alive:
            self.finish_reason = "stop"
        elif num_new >= self.goal.max_new_tokens:
            self.finish_reason = "length"
        elif len(self.goal.prompt) + num_new >= self.model.max_length:
            self.finish_reason = "context"
        elif time.perf_counter() - self._began >= self.goal.max_seconds:
            self.finish_reason = "time"
        return bool(self.finish_reason)

    def stop(self, phase: str) -> None:
        """Book the time since the last call."""
        now = time.perf_counter()
        self._seconds[phase] += now - self._last
        self._last = now

    def found(self, hypotheses: list[Hypothesis], proof: Proof | None = None) -> Found:
        """The result; the cache forgets everything behind the prompt."""
        self.cache.truncate(len(self.goal.prompt))
        self.stop("search")
        return Found(hypotheses, self.cache, self.num_passes, self.finish_reason, self._seconds, proof)


def finite(logits: Tensor) -> Tensor:
    """The row as it is; NonFiniteLogitsError where its best entry is not a number."""
    _, best, _ = best_two(logits)  # torch's own maximum wakes threads that then stand in the engine's way
    if not math.isfinite(best):
        raise NonFiniteLogitsError(
            f"the model's best logit is {best}: its weights or the chosen dtype are broken; try dtype='fp32' or another file"
        )
    return logits
