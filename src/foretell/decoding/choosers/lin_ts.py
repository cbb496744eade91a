"""LinTS: linear Thompson sampling, which picks an arm with the posterior probability that it is the best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from foretell.decoding.chooser import Array, ChooserState
from foretell.decoding.choosing.linear_chooser import LinearChooser
from foretell.parts import require


@dataclass(frozen=True)
class LinTS(LinearChooser):
    """Thompson sampling: the losses of all arms are drawn `num_samples` times from the posterior of ridge regression. An arm's probability
    is the share of draws in which its loss is the least. This share is the propensity with which a log can be replayed.

    scale: standard deviation of the noise that the posterior assumes. num_samples: draws per round. ridge: weight of |w|^2. strict: a loss
    outside [0, 1] raises UserError.

    Guarantee: none of its own; for losses linear in the context regret is of order d^(3/2) sqrt(T).
    Needs: losses in [0, 1]; a constant among the features.
    Cost: O(d^2 + K^3) per round. State: P, (d, d). Errors: UserError for a scale or ridge of 0 or less, num_samples below 1.

    Agrawal and Goyal, "Thompson Sampling for Contextual Bandits with Linear Payoffs", section 2.

    >>> chooser = LinTS()
    >>> round(float(chooser.choose(chooser.begin(num_features=2), [[1.0, 0.0], [0.0, 1.0]]).probabilities.sum()), 9)
    1.0
    """

    papers = ("thompson-sampling",)

    scale: float = 0.2
    num_samples: int = 64

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.scale > 0, self, "scale", self.scale, "must be above 0")
        require(isinstance(self.num_samples, int) and self.num_samples >= 1, self, "num_samples", self.num_samples, "must be at least 1")

    def probabilities(self, state: ChooserState, contexts: Array) -> Array:
        losses, covariance = self.posterior(state, contexts)
        values, vectors = np.linalg.eigh(covariance)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        noise = np.random.default_rng([state.seed, 2, state.rounds]).standard_normal((self.num_samples, len(contexts)))
        best = (losses + self.scale * noise @ root.T).argmin(1)
        return np.bincount(best, minlength=len(contexts)) / self.num_samples
