"""Epsilon-greedy: the arm with the least predicted loss, and with probability epsilon a random arm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from foretell.decoding.chooser import Array, ChooserState
from foretell.decoding.choosing.neural_chooser import NeuralChooser
from foretell.parts import require


@dataclass(frozen=True)
class EpsilonGreedy(NeuralChooser):
    """With probability 1 - epsilon the arm with the least predicted loss, else one of all K at random. The network is that of
    NeuSquareCB, so that the two differ only in how they explore.

    epsilon: probability of a random arm; 1 is uniform choice. width, depth, learning_rate, perturb, num_signs, strength, radius, offset: as
    in `neural-square-cb`. strict: a loss outside [0, 1] raises UserError.

    Guarantee: none of its own; regret grows in proportion to epsilon. Needs: contexts of norm about 1, losses in [0, 1]. Cost: 0.1 ms
    per round. State: the weights and their initial values. Errors: UserError for epsilon outside [0, 1].

    Sutton and Barto, "Reinforcement Learning: An Introduction", section 2.2.

    >>> chooser = EpsilonGreedy(epsilon=0.5)
    >>> sorted(chooser.choose(chooser.begin(num_features=2), [[1.0, 0.0], [0.0, 1.0]]).probabilities.tolist())
    [0.25, 0.75]
    """

    papers = ("reinforcement-learning",)

    epsilon: float = 0.05

    def __post_init__(self) -> None:
        super().__post_init__()
        require(0 <= self.epsilon <= 1, self, "epsilon", self.epsilon, "must be from 0 to 1")

    def probabilities(self, state: ChooserState, contexts: Array) -> Array:
        probabilities = np.full(len(contexts), self.epsilon / len(contexts))
        probabilities[self.predict(state, contexts).argmin()] += 1.0 - self.epsilon
        return probabilities
