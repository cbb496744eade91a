"""Penalties on tokens that occurred before: repetition, presence, frequency."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from foretell.decoding.sampler import Candidates, SamplerStep
from foretell.errors import UserError
from foretell.parts import require


@dataclass(frozen=True)
class Penalties(SamplerStep):
    """Lower the logits of tokens in this node's own history.

    repetition: divides positive logits and multiplies negative logits of tokens in the prompt and the text (1: off). presence: subtracted
    once from the logit of each generated token (0: off). frequency: subtracted once per occurrence of the token in the generated text
    (0: off). The last two ignore the prompt, as in the OpenAI API.

    Guarantee: defines the target's distribution; each drafted node uses its own path. Needs: nothing. Cost: one copy of the row. State:
    none. Put it before steps that drop tokens. Errors: UserError for values out of range.

    Keskar et al., "CTRL: A Conditional Transformer Language Model for Controllable Generation", section 4.1 (repetition).

    >>> import torch
    >>> Penalties(frequency=1.0).apply(Candidates(torch.tensor([5.0, 5.0]), None, 2), (0, 1, 1), 1).logits.tolist()
    [5.0, 3.0]
    """

    papers = ("ctrl",)

    repetition: float = 1.0
    presence: float = 0.0
    frequency: float = 0.0

    needs_vocabulary = True
    option = "repetition_penalty, presence_penalty or frequency_penalty"

    def __post_init__(self) -> None:
        require(self.repetition > 0, self, "repetition", self.repetition, "must be above 0 (1 is off)")
        for name in ("presence", "frequency"):
            require(-10 <= getattr(self, name) <= 10, self, name, getattr(self, name), "must lie between -10 and 10 (0 is off)")

    @classmethod
    def examples(cls) -> list[Penalties]:
        return [cls(1.5, 0.5, 0.3)]

    def apply(self, candidates: Candidates, history: Sequence[int], prompt_length: int) -> Candidates:
        if candidates.ids is not None:
            raise UserError("Penalties must come before steps that drop tokens; put it first in Sampler(steps=...)")
        logits = candidates.logits.clone()
        if self.repetition != 1 and len(history):
            known = torch.tensor(sorted(set(history)), device=logits.device)
            values = logits[known]
            logits[known] = torch.where(values > 0, values / self.repetition, values * self.repetition)
        if self.presence or self.frequency:
            counts = Counter(history[prompt_length:])
            if counts:
                written = torch.tensor(list(counts), device=logits.device)
                times = torch.tensor(list(counts.values()), device=logits.device, dtype=logits.dtype)
                logits[written] -= self.presence + self.frequency * times
        return Candidates(logits, None, candidates.size)
