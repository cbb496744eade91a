"""Logit bias: add a number to the logits of chosen tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from foretell.decoding.sampler import Candidates, SamplerStep
from foretell.errors import UserError
from foretell.parts import require


@dataclass(frozen=True)
class LogitBias(SamplerStep):
    """Add a number to the logits of some tokens.

    tokens: token ids. bias: the number added to each; `float("-inf")` forbids a token.

    Guarantee: defines the target's distribution. Needs: nothing. Cost: one copy of the row. State: none. Put it before steps that drop
    tokens. As `logit_bias` in the OpenAI API. Errors: UserError for lengths that differ and for values that are NaN or +inf.

    >>> import torch
    >>> LogitBias((1,), (2.0,)).apply(Candidates(torch.tensor([0.0, 0.0]), None, 2), (), 0).logits.tolist()
    [0.0, 2.0]
    """

    tokens: tuple[int, ...] = ()
    bias: tuple[float, ...] = ()

    needs_vocabulary = True
    option = "logit_bias"

    def __post_init__(self) -> None:
        object.__setattr__(self, "tokens", tuple(self.tokens))
        object.__setattr__(self, "bias", tuple(self.bias))
        require(len(self.tokens) == len(self.bias), self, "bias", self.bias, f"needs one number for each of tokens={self.tokens!r}")
        require(all(token >= 0 for token in self.tokens), self, "tokens", self.tokens, "must be token ids, 0 or above")
        require(all(bias == bias and bias < float("inf") for bias in self.bias), self, "bias", self.bias, "must be numbers or -inf")

    @classmethod
    def examples(cls) -> list[LogitBias]:
        return [cls((0, 1), (0.5, float("-inf")))]

    def apply(self, candidates: Candidates, history: Sequence[int], prompt_length: int) -> Candidates:
        if candidates.ids is not None:
            raise UserError("LogitBias must come before steps that drop tokens; put it first in Sampler(steps=...)")
        if max(self.tokens, default=-1) >= candidates.size:
            raise UserError(f"logit_bias: token {max(self.tokens)} is beyond the vocabulary of {candidates.size}; remove it")
        logits = candidates.logits.clone()
        logits[list(self.tokens)] += torch.tensor(self.bias, device=logits.device, dtype=logits.dtype)
        return Candidates(logits, None, candidates.size)
