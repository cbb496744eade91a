"""The model's distribution restricted to the allowed tokens: where a mask meets a row of logits and a sampler."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from foretell.decoding.distribution import Distribution
from foretell.decoding.sampler import Candidates, NonFiniteLogitsError, NoTokenLeftError, Sampler
from foretell.decoding.token_set import TokenSet
from foretell.errors import UserError
from foretell.models.one_thread import one_thread
from foretell.models.top_k import top_k
from foretell.models.vocabulary import Vocabulary

#: The greedy path tries this many of the best tokens of a row before it asks for the whole token set.
_NUM_TRIED = 8


class TokenFilter(Protocol):
    """Anything that knows which tokens are allowed, such as a `ConstraintState`."""

    vocabulary: Vocabulary

    def allowed(self) -> TokenSet:
        """The allowed tokens."""

    def accepts(self, token: int) -> bool:
        """Whether `token` is allowed."""


def restricted(tokens: TokenFilter, sampler: Sampler, logits: Tensor, history: Sequence[int], prompt_length: int) -> Distribution:
    """The sampler's distribution over the allowed tokens of a row of logits (vocab_size,); a point on a stop token if none is allowed.

    A greedy sampler without further steps needs the best allowed token only. It is looked for among the row's best tokens first, which
    avoids most token sets. UserError if the model, or a step of the sampler, gives every allowed token probability 0.
    """
    if takes_best_token(sampler):
        best = _best_allowed(tokens, logits)
        if best is not None:
            return best
    allowed, size = tokens.allowed(), tokens.vocabulary.size
    if not allowed:
        return Distribution.point(size, min(tokens.vocabulary.stop_tokens))
    if allowed.only is not None:
        return Distribution.point(size, allowed.only)
    with one_thread():
        if any(step.needs_vocabulary for step in sampler.steps):
            candidates = Candidates(logits.masked_fill(~torch.from_numpy(allowed.mask).to(logits.device), float("-inf")), None, size)
        else:
            ids = torch.from_numpy(allowed.ids).to(logits.device)
            candidates = Candidates(logits[ids], ids, size)
        try:
            return sampler.distribution_of(candidates, history, prompt_length)
        except (NonFiniteLogitsError, NoTokenLeftError):
            if not bool((logits < math.inf).all()):  # the row itself is broken
                raise
            raise UserError(
                "the model, or logit_bias, gives every token that the constraint allows probability 0; loosen one of them"
            ) from None


def takes_best_token(sampler: Sampler) -> bool:
    """Whether a sampler is greedy without further steps, so that it needs nothing of a row but the best token."""
    return sampler.greedy and not sampler.steps


def _best_allowed(tokens: TokenFilter, logits: Tensor) -> Distribution | None:
    """The greedy distribution, with the margin to the second best, if two of the row's best tokens are allowed; else None."""
    with one_thread():
        values, ids = (best[0].tolist() for best in top_k(logits[None], min(_NUM_TRIED, len(logits))))
    if not math.isfinite(values[0]):
        return None
    allowed: list[tuple[float, int]] = []
    for value, token in zip(values, ids, strict=True):
        if value > float("-inf") and tokens.accepts(token):
            allowed.append((value, token))
            if len(allowed) == 2:
                return Distribution.point(tokens.vocabulary.size, allowed[0][1], allowed[0][0] - allowed[1][0])
    return None
