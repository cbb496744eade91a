"""`Real`: the other rows of the batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from foretell.numbers.contrastive.pairs.base import Others, Pairs, distance_quantile
from foretell.parts import require


@dataclass(eq=False, repr=False)
class Real(Pairs):
    """All other rows; those with the anchor's label are positive, including its other view. Alone, without weights, this is supervised
    contrastive learning (Khosla et al., "Supervised Contrastive Learning", 2020, equation 2).

    tolerance: labels count as equal up to this quantile of the distances between two different labels; 0 means exactly equal. Cost: n * n.
    Errors: UserError for a tolerance outside 0 to 1.

    >>> pairs = Real()
    >>> pairs.others(pairs.fit(np.arange(3.0)), torch.eye(3), torch.tensor([0.0, 1.0, 1.0])).positive.tolist()
    [[False, False, False], [False, False, True], [False, True, False]]
    """

    papers = ("supcon",)

    tolerance: float = 0.0

    def fit(self, labels: np.ndarray) -> dict[str, Any]:
        require(0 <= self.tolerance < 1, self, "tolerance", self.tolerance, "must be a share of pairs, 0 or above and below 1")
        return {"tolerance": distance_quantile(labels, self.tolerance) if self.tolerance else 0.0}

    def others(self, code: dict[str, Any], embeddings: Tensor, labels: Tensor) -> Others:
        present = ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)
        equal = (labels[:, None] - labels).abs() <= code["tolerance"]
        return Others(embeddings @ embeddings.T, labels.expand(len(labels), -1), equal & present, present)
