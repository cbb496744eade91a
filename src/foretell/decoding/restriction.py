"""The model's distribution restricted to what is allowed: where a mask meets a row of logits and a sampler."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from foretell.decoding.distribution import Distribution
from foretell.decoding.sampler import Candidates, NonFiniteLogitsError, Sampler
from foretell.decoding.token_set import TokenSet
from foretell.errors import UserError
from foretell.models.one_thread import one_thread
from foretell.models.top_k import top_k
from foretell.models.vocabulary import Vocabulary

#: Of a row's best tokens, how many are tried before the whole token set is asked for.
_TRIED = 8


class Allows(Protocol):
    """What knows the allowed tokens: a constraint's state."""

    vocabulary: Vocabulary

    def allowed(self) -> TokenSet: ...

    def accepts(self, token: int) -> bool: ...


def restricted(state: Allows, sampler: Sampler, logits: Tensor, history: Sequence[int], prompt_length: int) -> Distribution:
    """The sampler's distribution over the allowed tokens of a row; all mass on a stop token where none is allowed.

    Where the best token is all that is asked for, the row's best ones are tried first, which spares most token sets. ValueError where the
    model, or the sampler, gives every allowed token no chance at all.
    """
    if takes_the_best(sampler):
        best = _best_allowed(state, logits)
        if best is not None:
            return best
    allowed, size = state.allowed(), state.vocabulary.size
    if not allowed:
        return Distribution.point(size, min(state.vocabulary.stop_tokens))
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
        except NonFiniteLogitsError:
            if not bool((logits < math.inf).all()):  # the row itself is broken
                raise
            raise UserError(
                "the model, or a logit bias, gives every token that the constraint allows no chance at all; loosen one of them"
            ) from None


def takes_the_best(sampler: Sampler) -> bool:
    """Whether all that a sampler wants of a row is its best token."""
    return sampler.greedy and not sampler.steps


def _best_allowed(state: Allows, logits: Tensor) -> Distribution | None:
    """The greedy distribution where two of the row's best tokens are allowed; None elsewhere."""
    with one_thread():
        values, ids = (found[0].tolist() for found in top_k(logits[None], min(_TRIED, len(logits))))
    if not math.isfinite(values[0]):
        return None
    good: list[tuple[float, int]] = []
    for value, token in zip(values, ids, strict=True):
        if value > float("-inf") and state.accepts(token):
            good.append((value, token))
            if len(good) == 2:
                return Distribution.point(state.vocabulary.size, good[0][1], good[0][0] - good[1][0])
    return None
