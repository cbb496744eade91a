"""LinUCB: linear regression of losses, and the arm with the least lower confidence bound is picked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from foretell.decoding.chooser import Array, ChooserState
from foretell.decoding.choosing.linear_chooser import LinearChooser
from foretell.parts import require


@dataclass(frozen=True)
class LinUCB(LinearChooser):
    """Picks the arm with the least x.w - alpha * sqrt(x' P x), with probability 1; w and P are those of ridge regression.

    alpha: weight of the standard deviation. ridge: weight of |w|^2. strict: a loss outside [0, 1] raises UserError.

    Guarantee: none of its own; for losses linear in the context regret is of order d sqrt(T).
    Needs: losses in [0, 1]; a constant among the features. Cost: O(d^2) per round.
    State: P, (d, d). Errors: UserError for alpha below 0, ridge of 0 or less.

    Li et al., "A Contextual-Bandit Approach to Personalized News Article Recommendation", section 3. Departures: losses
    instead of rewards; one w for all arms, so that arms have separate weights only where contexts have one block per arm.

    >>> chooser = LinUCB()
    >>> chooser.choose(chooser.begin(num_features=2), [[1.0, 0.0], [0.0, 2.0]]).arm  # the longer context has the larger variance
    1
    """

    papers = ("linucb",)

    alpha: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.alpha >= 0, self, "alpha", self.alpha, "must be 0 or above")

    def probabilities(self, state: ChooserState, contexts: Array) -> Array:
        losses, covariance = self.posterior(state, contexts)
        probabilities = np.zeros(len(contexts))
        probabilities[(losses - self.alpha * np.sqrt(covariance.diagonal())).argmin()] = 1.0
        return probabilities
