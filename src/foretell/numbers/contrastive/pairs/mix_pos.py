"""`MixPos`: hard positives, two rows with labels on both sides of the anchor's, mixed so that their label is the anchor's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from foretell.numbers.contrastive.pairs.base import Mixtures, Others, Pairs, distance_quantile
from foretell.parts import require


@dataclass(eq=False, repr=False)
class MixPos(Pairs):
    """Mixtures of rows j and k with y_j < y_i < y_k, both within a window, in shares that make their label that of anchor i: positives
    though neither row is one (Wu et al., "Mixup Your Own Pairs", 2023, anchor-exclusive mixtures).

    window: of labels, as a quantile of the distances between two different labels. num: pairs (j, k) drawn for each anchor, evenly from all
    that exist, with replacement; the paper takes all, up to n * n / 4 an anchor. An anchor at the edge, or without labels in its window,
    has none. Cost: n * n + n * num, independent of the length of embeddings. Errors: UserError for settings out of range.

    >>> pairs = MixPos(window=0.9, num=2)
    >>> pairs.others(pairs.fit(np.arange(4.0)), torch.eye(3), torch.arange(3.0)).positive.tolist()
    [[False, False], [True, True], [False, False]]
    """

    papers = ("supremix",)

    window: float = 0.2
    num: int = 64

    def fit(self, labels: np.ndarray) -> dict[str, Any]:
        require(0 < self.window <= 1, self, "window", self.window, "must be a share of pairs, above 0 and up to 1")
        require(self.num >= 1, self, "num", self.num, "must be at least 1; leave the kind out for none")
        return {"window": distance_quantile(labels, self.window) * (1 + 1e-5)}  # labels in a batch have float32's precision

    def draw(self, code: dict[str, Any], labels: Tensor) -> Mixtures:
        """The mixtures for a batch with labels (n,)."""
        above = labels - labels[:, None]  # by how much the label of the column exceeds that of the row
        low, high = (above < 0) & (above >= -code["window"]), (above > 0) & (above <= code["window"])
        some = low.any(dim=1, keepdim=True) & high.any(dim=1, keepdim=True)
        first, second = (torch.multinomial((side | ~some).float(), self.num, replacement=True) for side in (low, high))
        share = (labels[second] - labels[:, None]) / (labels[second] - labels[first]).where(some, 1.0)
        return Mixtures(first, second, share, some.expand_as(first))

    def others(self, code: dict[str, Any], embeddings: Tensor, labels: Tensor) -> Others:
        mixed = self.draw(code, labels)
        # A batch of two labels, as the last of an epoch may be, cannot have any.
        note = "" if mixed.present.any() or len(labels.unique()) < 3 else f"no two rows around a third within window={self.window!r}"
        return Others(mixed.products(embeddings), labels[:, None].expand_as(mixed.share), mixed.present, mixed.present, note)
