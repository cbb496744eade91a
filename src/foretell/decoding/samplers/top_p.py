"""Top-p (nucleus) sampling: keep the smallest set of best tokens with total probability p or more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from foretell.decoding.sampler import Candidates, SamplerStep
from foretell.parts import require


@dataclass(frozen=True)
class TopP(SamplerStep):
    """Keep the best tokens, up to and including the one with which their total probability reaches p.

    p: the total probability, in (0, 1].

    Guarantee: defines the target's distribution. Needs: nothing. Cost: a partial sort that widens until the total reaches p; the whole row
    is sorted only where the distribution is nearly flat. State: none. Holtzman et al., "The Curious Case of Neural Text Degeneration",
    section 3.1.

    >>> import torch
    >>> TopP(0.6).apply(Candidates(torch.tensor([0.5, 0.3, 0.2]).log(), None, 3), (), 0).ids.tolist()
    [0, 1]
    """

    papers = ("nucleus-sampling",)

    p: float = 0.9

    def __post_init__(self) -> None:
        require(0 < self.p <= 1, self, "p", self.p, "must lie in (0, 1]")

    @classmethod
    def examples(cls) -> list[TopP]:
        return [cls(0.8)]

    def apply(self, candidates: Candidates, history: Sequence[int], prompt_length: int) -> Candidates:
        if self.p == 1:
            return candidates
        probs = torch.softmax(candidates.logits.float(), dim=-1)
        width = 64
        while True:
            width = min(width, len(probs))
            top = probs.topk(width)
            before = top.values.cumsum(0) - top.values
            num = int((before < self.p).sum())
            if num < width or width == len(probs):
                return candidates.only(top.indices[: max(num, 1)])
            width *= 8
