"""Samplers turn a row of logits into a distribution. A sampler is a chain of steps, and each step is a part."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from foretell.catalog.part_text import describe
from foretell.decoding.distribution import Distribution
from foretell.errors import UserError
from foretell.models.one_thread import one_thread
from foretell.models.top_k import best_two
from foretell.parts import Part, require


@dataclass
class Candidates:
    """The remaining candidate tokens. logits: (k,). ids: (k,) ascending, or None for the whole vocabulary. size: of the vocabulary."""

    logits: Tensor
    ids: Tensor | None
    size: int

    def only(self, keep: Tensor) -> Candidates:
        """The candidates at the indices `keep` (m,), in ascending order."""
        keep = keep.sort().values
        return Candidates(self.logits[keep], keep if self.ids is None else self.ids[keep], self.size)


class SamplerStep(Part):
    """One transformation of the candidates. A step keeps no state: earlier tokens are in `history`."""

    #: Whether `apply` needs the whole vocabulary and raises UserError for a part of it.
    needs_vocabulary: ClassVar[bool] = False
    #: What `generate` calls the step's options, where it has them.
    option: ClassVar[str] = ""

    @abstractmethod
    def apply(self, candidates: Candidates, history: Sequence[int], prompt_length: int) -> Candidates:
        """The candidates after this step.

        history: all tokens before this position, prompt included; the first `prompt_length` are the prompt.
        """


class NonFiniteLogitsError(UserError):
    """The model returned NaN or infinite logits."""


class NoTokenLeftError(UserError):
    """A sampler step left no token that can be drawn; the message names its option."""


@dataclass(frozen=True)
class Sampler(Part):
    """Steps applied in order, followed by softmax or, with `greedy`, by the choice of the best remaining token.

    Guarantee: exact verifiers preserve this distribution. Draft and target use the same sampler, with each node's own history.
    Cost: one softmax over the remaining candidates, only at nodes that are visited. State: none.

    >>> Sampler(greedy=True).distribution(torch.tensor([0.0, 2.0, 1.0])).ids.tolist()
    [1]
    """

    steps: tuple[SamplerStep, ...] = ()
    greedy: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", tuple(self.steps))
        for step in self.steps:
            require(isinstance(step, SamplerStep), self, "steps", step, "must be sampler steps such as TopK(8)")

    def __str__(self) -> str:
        """Its steps as a recipe's text has them: "temperature(value=0.7), greedy"."""
        return ", ".join([*map(describe, self.steps), *(["greedy"] if self.greedy else [])]) or "softmax"

    @property
    def needs_history(self) -> bool:
        """Whether the distribution may depend on earlier tokens."""
        return bool(self.steps)

    def distribution(self, logits: Tensor, history: Sequence[int] = (), prompt_length: int = 0) -> Distribution:
        """The distribution of the next token. logits: (vocab_size,) of one row. NonFiniteLogitsError where the best is NaN or infinite."""
        return self.distribution_of(Candidates(logits, None, len(logits)), history, prompt_length)

    @one_thread()
    def distribution_of(self, candidates: Candidates, history: Sequence[int] = (), prompt_length: int = 0) -> Distribution:
        """As `distribution`, for candidates that may be a part of the vocabulary."""
        given = candidates
        for step in self.steps:
            candidates = step.apply(candidates, history, prompt_length)
        kept = candidates.logits
        if self.greedy:
            index, best, margin = best_two(kept)  # among equal logits the lowest token wins
            self._require_finite(best, given, history, prompt_length)
            token = index if candidates.ids is None else int(candidates.ids[index])
            return Distribution.point(candidates.size, token, margin)
        self._require_finite(float(kept.max()), given, history, prompt_length)
        probs = torch.softmax(kept.to(torch.float64 if kept.device.type != "mps" else torch.float32), dim=-1)
        ids = None if candidates.ids is None else candidates.ids.cpu().numpy()
        return Distribution.of(probs.double().cpu().numpy(), ids, candidates.size)

    def _require_finite(self, best: float, candidates: Candidates, history: Sequence[int], prompt_length: int) -> None:
        """Raise an error that says where the best logit became `best`, unless that is finite. candidates: before all steps."""
        if math.isfinite(best):
            return
        before = float(candidates.logits.max())
        for step in self.steps if math.isfinite(before) else ():
            candidates = step.apply(candidates, history, prompt_length)
            after = float(candidates.logits.max())
            if not math.isfinite(after):
                remedy = "allow at least one token" if after < 0 else "take smaller numbers"
                raise NoTokenLeftError(f"{step.option or type(step).__name__}: it makes the best logit {after}; {remedy}")
        raise NonFiniteLogitsError(
            f"the model's best logit is {before}: its weights or the chosen dtype are broken; try dtype='fp32' or another file"
        )
