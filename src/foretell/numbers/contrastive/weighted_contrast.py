"""The contrastive loss: a weighted softmax over samples, and how much of it falls on the positive ones."""

from __future__ import annotations

import torch
from torch import Tensor


def log_shares(logits: Tensor, present: Tensor | None = None, weights: Tensor | None = None) -> Tensor:
    """log of e^logit over the weighted sum of e^logit of all present samples, one row an anchor: a masked, weighted log-softmax.

    logits: (n, m). present: (n, m) bool, samples in the sum (None: all). weights: (n, m) above 0 (None: 1). The maximum of a row is
    subtracted, so that a constant added to a row changes nothing and nothing overflows. A row without a present sample is treated as if all
    were present.

    >>> log_shares(torch.zeros(1, 3), torch.tensor([[True, True, False]])).exp()
    tensor([[0.5000, 0.5000, 0.5000]])
    """
    terms = logits if weights is None else logits + weights.log()
    if present is not None:
        terms = terms.masked_fill(~(present | ~present.any(dim=1, keepdim=True)), -torch.inf)
    return logits - torch.logsumexp(terms, dim=1, keepdim=True)


def weighted_contrast(
    logits: Tensor, positive: Tensor, present: Tensor | None = None, weights: Tensor | None = None, extra: float = 0.0
) -> Tensor:
    """(n,): each anchor's loss, - sum of `log_shares` over its positives / (their number + extra); 0 where it has none.

    positive: (n, m) bool, each of them present. With one positive a row, no weights and extra 0 this is InfoNCE; with all samples of an
    anchor's class it is SupCon.

    >>> logits = torch.tensor([[2.0, 0.0, 0.0]])
    >>> loss = weighted_contrast(logits, torch.tensor([[True, False, False]]))
    >>> torch.allclose(loss, torch.nn.functional.cross_entropy(logits, torch.tensor([0]), reduction="none"))
    True
    """
    found = log_shares(logits, present, weights).masked_fill(~positive, 0.0).sum(dim=1)
    return -found / (positive.sum(dim=1) + extra).clamp(min=1e-12)
