"""The contract of searches: they score many partial texts within a budget of tokens or time."""

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
    """One text of a search. tokens: new ones, with the stop token that ended it. score: the search's own. finished: whether it ended."""

    tokens: tuple[int, ...] = ()
    score: float = 0.0
    finished: bool = False

    @property
    def mean_score(self) -> float:
        """The score per token; 0 for an empty text."""
        return self.score / len(self.tokens) if self.tokens else 0.0


@dataclass
class Goal:
    """The task of a search.

    prompt: token ids, at least one. max_new_tokens, max_seconds: the budget; when the time is spent, the result is what was found so far.
    stop_tokens: they end a hypothesis. cache: one whose committed rows are a prefix of the prompt, or None; afterwards it holds the prompt
    and nothing else. constraint: a rule that every hypothesis obeys, or None; it needs stop tokens.

    Errors: UserError for an empty prompt and for budgets out of range.
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
    """What a search proves about its result.

    bound: no text that the search did not score ranks above it (minus infinity: all texts were scored). num_proven: number of leading
    hypotheses that are proven to be the best texts. gap: by how much the bound exceeds the rank of the best hypothesis; 0 where that one is
    proven, infinite without a hypothesis. num_expanded: number of texts whose row was computed.
    """

    bound: float
    num_proven: int
    gap: float
    num_expanded: int

    @classmethod
    def of(cls, bound: float, ranks: Sequence[float], num_expanded: int) -> Proof:
        """The proof for hypotheses of these ranks, the best first."""
        gap = max(0.0, bound - ranks[0]) if ranks else math.inf
        return cls(bound, sum(rank >= bound for rank in ranks), gap, num_expanded)

    @property
    def optimal(self) -> bool:
        """Whether the first hypothesis is proven to be the best text."""
        return self.num_proven > 0


@dataclass
class Found:
    """The result of a search.

    hypotheses: best first. cache: the goal's, or a new one. num_passes: forward passes, including those over the prompt. finish_reason:
    "length", "stop" (no hypothesis is left to continue), "time", "nodes" or "context". seconds: by "prompt", "forward" and "search".
    proof: for searches that prove their result, else None.
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
        """Memory kept across calls with this model; UserError where the search does not fit the model."""
        return None

    @abstractmethod
    def run(self, model: Model, goal: Goal, memory: Any) -> Found:
        """The best continuations of the goal's prompt. memory: what `remember` returned for this model."""


class SearchRun:
    """What all searches share in a run: reading the prompt, forward passes, the budget, and the clock.

    state: the constraint's state before the first new token; None without a constraint. Errors: UserError for a prompt that is too long.
    """

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
        """Logits (vocab_size,) after the prompt. Feeds the tokens that the cache lacks, and always the last one."""
        self.cache.reuse(len(self.goal.prompt))
        unread = self.goal.prompt[self.cache.length :]
        [rows] = read(self.model, [(self.cache, unread)])
        self.num_passes += num_passes(len(unread))
        self.stop("prompt")
        return finite(rows.logits[-1])

    def forward(self, feeds: Sequence[Feed]) -> list[Tensor]:
        """One forward pass; the logits (vocab_size,) of all rows that the feeds ask for."""
        self.stop("search")
        rows = [finite(row) for output in self.model.forward(feeds) for row in output.logits]
        self.num_passes += 1
        self.stop("forward")
        return rows

    def over(self, num_new: int, alive: bool) -> bool:
        """Whether to stop after `num_new` tokens, which sets `finish_reason`. alive: whether a hypothesis is left to continue."""
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
        """Add the time since the last call to `phase`."""
        now = time.perf_counter()
        self._seconds[phase] += now - self._last
        self._last = now

    def found(self, hypotheses: list[Hypothesis], proof: Proof | None = None) -> Found:
        """The result; the cache is truncated to the prompt."""
        self.cache.truncate(len(self.goal.prompt))
        self.stop("search")
        return Found(hypotheses, self.cache, self.num_passes, self.finish_reason, self._seconds, proof)


def finite(logits: Tensor) -> Tensor:
    """The row unchanged; NonFiniteLogitsError where its best entry is NaN or infinite."""
    _, best, _ = best_two(logits)  # torch's maximum starts threads, which slow the engine down
    if not math.isfinite(best):
        raise NonFiniteLogitsError(
            f"the model's best logit is {best}: its weights or the chosen dtype are broken; try dtype='fp32' or another file"
        )
    return logits
