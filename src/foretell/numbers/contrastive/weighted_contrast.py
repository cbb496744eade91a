"""The loss of all contrastive learning here: how much of an anchor's weighted likeness to others falls on the right ones."""

from __future__ import annotations

import torch
from torch import Tensor


def log_shares(logits: Tensor, present: Tensor | None = None, weights: Tensor | None = None) -> Tensor:
    """log of e^logit over the weighted sum of e^logit of all that are present, a row an anchor: a masked, weighted log-softmax.

    logits: (n, m). present: (n, m) bool, who takes part in the sum (None: all). weights: (n, m) above 0 (None: 1). All numbers of a
    row are brought down by one common maximum, so a constant added to a row changes nothing and nothing overflows. A row in which
    nobody is present is treated as if all were.

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

    positive: (n, m) bool, each of them present. One positive a row, no weights and extra 0 make it InfoNCE; all of an anchor's
    class make it SupCon.

    >>> logits = torch.tensor([[2.0, 0.0, 0.0]])
    >>> loss = weighted_contrast(logits, torch.tensor([[True, False, False]]))
    >>> torch.allclose(loss, torch.nn.functional.cross_entropy(logits, torch.tensor([0]), reduction="none"))
    True
    """
    found = log_shares(logits, present, weights).masked_fill(~positive, 0.0).sum(dim=1)
    return -found / (positive.sum(dim=1) + extra).clamp(min=1e-12)
