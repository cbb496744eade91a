"""`MixNeg`: hard negatives, the anchor mixed with a row of another label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Beta

from foretell.numbers.contrastive.pairs.base import Mixtures, Others, Pairs
from foretell.parts import require


@dataclass(eq=False, repr=False)
class MixNeg(Pairs):
    """Mixtures of the anchor i and rows k of other labels, share * f_i + (1 - share) * f_k, whose labels are mixed in the same way:
    negatives that lie nearer to the anchor than real ones (Wu et al., "Mixup Your Own Pairs", 2023, anchor-inclusive mixtures).

    beta: the anchor's share follows Beta(beta[0], beta[1]). num: rows k drawn for each anchor without replacement; with as many as the
    batch has, all take part, as in the paper. Cost: n * n + n * num, independent of the length of embeddings. Errors: UserError for
    settings out of range.

    >>> pairs = MixNeg(num=2)
    >>> pairs.others(pairs.fit(np.arange(3.0)), torch.eye(3), torch.tensor([0.0, 1.0, 1.0])).present.sum(dim=1).tolist()
    [2, 1, 1]
    """

    papers = ("supremix",)

    beta: tuple[float, float] = (2.0, 8.0)
    num: int = 64

    def fit(self, labels: np.ndarray) -> dict[str, Any]:
        good = isinstance(self.beta, tuple | list) and len(self.beta) == 2 and all(each > 0 for each in self.beta)
        require(good, self, "beta", self.beta, "must be two numbers above 0, the parameters of a Beta distribution")
        require(self.num >= 1, self, "num", self.num, "must be at least 1; leave the kind out for none")
        return {}

    def draw(self, labels: Tensor) -> Mixtures:
        """The mixtures for a batch with labels (n,)."""
        num = len(labels)
        different = labels[:, None] != labels
        chances, second = torch.rand(num, num, device=labels.device).masked_fill(~different, -1.0).topk(min(self.num, num), dim=1)
        share = Beta(*self.beta).sample(second.shape).to(labels)
        return Mixtures(torch.arange(num, device=labels.device)[:, None].expand_as(second), second, share, chances >= 0)

    def others(self, code: dict[str, Any], embeddings: Tensor, labels: Tensor) -> Others:
        mixed = self.draw(labels)
        return Others(mixed.products(embeddings), mixed.of(labels), torch.zeros_like(mixed.present), mixed.present)
