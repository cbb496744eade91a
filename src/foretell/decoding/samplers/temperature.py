"""Temperature: flatten or sharpen the distribution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from foretell.decoding.sampler import Candidates, SamplerStep
from foretell.parts import require

#: Below it, quotients may be too large for floats.
_TINY = 1e-30


@dataclass(frozen=True)
class Temperature(SamplerStep):
    """Divide the logits by a number.

    value: the divisor, above 0; below 1 sharpens, above 1 flattens, below 1e-30 leaves the best tokens only. For 0 use
    `Sampler(greedy=True)`, which `make_sampler(temperature=0)` does.

    Guarantee: defines the target's distribution. Needs: nothing. Cost: one division per candidate. State: none.
    Ackley et al., "A Learning Algorithm for Boltzmann Machines", 1985.

    >>> import torch
    >>> Temperature(2.0).apply(Candidates(torch.tensor([2.0, 4.0]), None, 2), (), 0).logits.tolist()
    [1.0, 2.0]
    """

    papers = ("boltzmann-machines",)

    value: float = 1.0

    def __post_init__(self) -> None:
        require(0 < self.value < float("inf"), self, "value", self.value, "must be a finite number above 0 (0 is Sampler(greedy=True))")

    @classmethod
    def examples(cls) -> list[Temperature]:
        return [cls(0.7)]

    def apply(self, candidates: Candidates, history: Sequence[int], prompt_length: int) -> Candidates:
        if self.value == 1.0:
            return candidates
        logits = candidates.logits
        if self.value < _TINY and bool(logits.max().isfinite()):
            logits = torch.where(logits == logits.max(), 0.0, -torch.inf)  # the limit; the best tokens share the probability
            return Candidates(logits, candidates.ids, candidates.size)
        return Candidates(logits / self.value, candidates.ids, candidates.size)
