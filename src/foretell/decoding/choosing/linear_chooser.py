"""Shared code of linear choosers: ridge regression of losses on contexts, updated one example at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from foretell.decoding.chooser import Array, ChooserState, OnlineChooser
from foretell.parts import require


@dataclass(frozen=True)
class LinearChooser(OnlineChooser):
    """Abstract: one weight vector w for the contexts of all arms. Contexts with one block per arm give each arm its own weights.

    With P the inverse of ridge * I + sum of x x', the arrays are "precision_inverse", P (d, d), and "moments", the sum of loss * x (d,).
    ridge: weight of |w|^2; UserError where it is not above 0.
    """

    ridge: float = 1.0

    def __post_init__(self) -> None:
        require(self.ridge > 0, self, "ridge", self.ridge, "must be above 0")

    def start(self, num_features: int, seed: int) -> dict[str, Array]:
        return {"precision_inverse": np.eye(num_features) / self.ridge, "moments": np.zeros(num_features)}

    def posterior(self, state: ChooserState, contexts: Array) -> tuple[Array, Array]:
        """Expected losses (K,) and, for noise of variance 1, their covariance (K, K)."""
        spread = contexts @ state.learnt["precision_inverse"]
        return spread @ state.learnt["moments"], spread @ contexts.T

    def learn(self, state: ChooserState, context: Array, loss: float) -> None:
        inverse = state.learnt["precision_inverse"]
        product = inverse @ context
        inverse -= np.outer(product, product / (1.0 + context @ product))  # Sherman-Morrison formula
        state.learnt["moments"] += loss * context
