"""Samplers turn a row of logits into a distribution. A sampler is a chain of steps, each a small part of its own."""

from __future__ import annotations

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
    """Logits (k,) of the tokens still in play; `ids` (k,) ascending, or None for the whole vocabulary of `size`."""

    logits: Tensor
    ids: Tensor | None
    size: int

    def only(self, keep: Tensor) -> Candidates:
        """Those at the positions `keep` (m,), put in ascending order."""
        keep = keep.sort().values
        return Candidates(self.logits[keep], keep if self.ids is None else self.ids[keep], self.size)


class SamplerStep(Part):
    """One transformation of the candidates. A step has no memory: what it needs of the past is in `history`."""

    #: Whether `apply` refuses candidates that are a part of the vocabulary.
    needs_vocabulary: ClassVar[bool] = False

    @abstractmethod
    def apply(self, candidates: Candidates, history: Sequence[int], prompt_length: int) -> Candidates:
        """history: all tokens before this position, prompt included; the first `prompt_length` are the prompt."""


class NonFiniteLogitsError(UserError):
    """The model returned NaN or infinite logits."""


@dataclass(frozen=True)
class Sampler(Part):
    """Steps applied in order, then softmax; `greedy` takes the best token of what the steps leave.

    Guarantee: this *is* the distribution that exact verifiers preserve. Draft and target use the same sampler, each node with its own
    history.
    Cost: one softmax over what is left of the vocabulary, only at nodes that are visited. State: none.

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
        """Whether the distribution may depend on the tokens before."""
        return bool(self.steps)

    def distribution(self, logits: Tensor, history: Sequence[int] = (), prompt_length: int = 0) -> Distribution:
        """The distribution of the next token. logits: (vocab_size,) of one row. Raises NonFiniteLogitsError on NaN."""
        return self.distribution_of(Candidates(logits, None, len(logits)), history, prompt_length)

    @one_thread()
    def distribution_of(self, candidates: Candidates, history: Sequence[int] = (), prompt_length: int = 0) -> Distribution:
        """As `distribution`, of a row that may hold a part of the vocabulary only."""
        for step in self.steps:
            candidates = step.apply(candidates, history, prompt_length)
        kept = candidates.logits
        if self.greedy:
            place, best, margin = best_two(kept)  # among equal logits the lowest token wins
            _require_finite(best)
            token = place if candidates.ids is None else int(candidates.ids[place])
            return Distribution.point(candidates.size, token, margin)
        _require_finite(float(kept.max()))
        probs = torch.softmax(kept.to(torch.float64 if kept.device.type != "mps" else torch.float32), dim=-1)
        ids = None if candidates.ids is None else candidates.ids.cpu().numpy()
        return Distribution.of(probs.double().cpu().numpy(), ids, candidates.size)


def _require_finite(best: float) -> None:
    if best != best or best in (float("inf"), float("-inf")):
        raise NonFiniteLogitsError(
            f"the model's best logit is {best}: its weights or the chosen dtype are broken; try dtype='fp32' or another file"
        )
