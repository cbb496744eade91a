"""Min-p sampling: keep tokens with at least a share of the best token's probability."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from foretell.decoding.sampler import Candidates, SamplerStep
from foretell.parts import require


@dataclass(frozen=True)
class MinP(SamplerStep):
    """Keep tokens whose probability is at least p times that of the best token.

    p: least share of the best token's probability, in (0, 1].

    Guarantee: defines the target's distribution. Needs: nothing. Cost: one comparison per candidate. State: none.
    Nguyen et al., "Turning Up the Heat: Min-p Sampling for Creative and Coherent LLM Outputs", section 3.

    >>> import torch
    >>> MinP(0.5).apply(Candidates(torch.tensor([0.6, 0.3, 0.1]).log(), None, 3), (), 0).ids.tolist()
    [0, 1]
    """

    papers = ("min-p-sampling",)

    p: float = 0.05

    def __post_init__(self) -> None:
        require(0 < self.p <= 1, self, "p", self.p, "must lie in (0, 1]")

    @classmethod
    def examples(cls) -> list[MinP]:
        return [cls(0.3)]

    def apply(self, candidates: Candidates, history: Sequence[int], prompt_length: int) -> Candidates:
        floor = candidates.logits.max() + math.log(self.p) - 1e-6
        # Not `>=`: NaN logits must be kept, so that the sampler reports them.
        return candidates.only((~(candidates.logits < floor)).nonzero()[:, 0])
