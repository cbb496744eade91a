"""A probability distribution over the vocabulary, stored on its support only: one entry for greedy decoding, k for top-k."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from foretell.decoding.draws import Draws


@dataclass(frozen=True, eq=False)
class Distribution:
    """`ids` (k,) int64 ascending, `probs` (k,) float64 summing to 1, over a vocabulary of `size`.

    `margin` is the difference of the two best logits where the distribution is a greedy choice, else infinity.
    """

    size: int
    ids: NDArray[np.int64]
    probs: NDArray[np.float64]
    margin: float = float("inf")

    @classmethod
    def point(cls, size: int, token: int, margin: float = float("inf")) -> Distribution:
        """The distribution with all mass on one token."""
        return cls(size, np.array([token]), np.array([1.0]), margin)

    @classmethod
    def of(cls, weights: NDArray[np.float64], ids: NDArray[np.int64] | None = None, size: int | None = None) -> Distribution:
        """Normalise non-negative `weights` (k,) of `ids` (default: 0..k-1). Entries of weight 0 are not in the support.

        ValueError where the weights are not finite or are all zero.
        """
        weights = np.asarray(weights, dtype=np.float64)
        ids = np.arange(len(weights)) if ids is None else ids
        total = weights.sum()
        if not np.isfinite(total) or total <= 0:
            raise ValueError(f"Distribution: weights sum to {total!r}; they must be finite and not all zero")
        keep = weights > 0
        if not keep.all():
            weights, ids = weights[keep], ids[keep]
        return cls(size if size is not None else len(keep), ids, weights / total)

    def dense(self) -> NDArray[np.float64]:
        """Probabilities of the whole vocabulary, (size,)."""
        probs = np.zeros(self.size)
        probs[self.ids] = self.probs
        return probs

    def at(self, ids: NDArray[np.int64]) -> NDArray[np.float64]:
        """Probabilities of the tokens `ids`, in the same shape; 0 outside the support."""
        if len(self.ids) == self.size:
            return self.probs[ids]
        index = np.minimum(np.searchsorted(self.ids, ids), len(self.ids) - 1)
        return np.where(self.ids[index] == ids, self.probs[index], 0.0)

    def __getitem__(self, token: int) -> float:
        index = int(self.ids.searchsorted(token))
        return float(self.probs[index]) if index < len(self.ids) and self.ids[index] == token else 0.0

    def draw(self, draws: Draws) -> int:
        """Draw one token with `draws`."""
        return int(self.ids[0]) if len(self.ids) == 1 else int(self.ids[draws.categorical(self.probs)])

    def without(self, token: int) -> Distribution:
        """`token` removed and the rest renormalised; unchanged where no other token has mass."""
        keep = self.ids != token
        rest = self.probs[keep]
        total = rest.sum()
        return Distribution(self.size, self.ids[keep], rest / total) if total > 0 else self

    def minus(self, q: Distribution) -> Distribution:
        """The residual normalise(max(0, self - q)) of speculative sampling; `self` where the residual has no mass (p and q are equal)."""
        index = np.minimum(self.ids.searchsorted(q.ids), len(self.ids) - 1)
        shared = self.ids[index] == q.ids
        rest = self.probs.copy()  # q's support is often much smaller: only its tokens change
        rest[index[shared]] = np.maximum(rest[index[shared]] - q.probs[shared], 0.0)
        total = rest.sum()
        if total <= 0:
            return self
        keep = rest > 0
        return Distribution(self.size, self.ids[keep], rest[keep] / total)
