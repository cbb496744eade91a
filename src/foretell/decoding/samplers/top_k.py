"""Top-k sampling: keep the k best tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from foretell.decoding.sampler import Candidates, SamplerStep
from foretell.models.top_k import top_k
from foretell.parts import require


@dataclass(frozen=True)
class TopK(SamplerStep):
    """Keep the k highest logits.

    k: number of tokens kept, at least 1.

    Guarantee: defines the target's distribution. Needs: nothing. Cost: one partial sort of the row. State: none.
    Fan et al., "Hierarchical Neural Story Generation", section 5.4.

    >>> import torch
    >>> TopK(2).apply(Candidates(torch.tensor([2.0, 4.0, 3.0]), None, 3), (), 0).ids.tolist()
    [1, 2]
    """

    papers = ("story-generation",)

    k: int = 50

    def __post_init__(self) -> None:
        require(isinstance(self.k, int) and self.k >= 1, self, "k", self.k, "must be a whole number of at least 1")

    @classmethod
    def examples(cls) -> list[TopK]:
        return [cls(2)]

    def apply(self, candidates: Candidates, history: Sequence[int], prompt_length: int) -> Candidates:
        if self.k >= len(candidates.logits):
            return candidates
        return candidates.only(top_k(candidates.logits[None], self.k)[1][0])
