"""Inverse gap weighting: the larger the gap between an arm's expected loss and the least one, the less often it is picked."""

from __future__ import annotations

from dataclasses import dataclass

from foretell.decoding.chooser import Array
from foretell.decoding.choosing.neural_chooser import NeuralChooser
from foretell.parts import require


def inverse_gap(losses: Array, gamma: float) -> Array:
    """Probabilities (K,) from expected losses (K,): 1 / (K + gamma * gap) for all but the best, which gets the rest, at least 1/K.

    Abe and Long, "Associative Reinforcement Learning using Linear Probabilistic Concepts", section 3; Foster and Rakhlin, "Beyond UCB:
    Optimal and Efficient Contextual Bandits with Regression Oracles", algorithm 1.

    >>> import numpy as np
    >>> inverse_gap(np.array([0.5, 0.25]), gamma=8.0).tolist()
    [0.25, 0.75]
    """
    best = int(losses.argmin())
    probabilities = 1.0 / (len(losses) + gamma * (losses - losses[best]))
    probabilities[best] = 0.0
    probabilities[best] = 1.0 - probabilities.sum()
    return probabilities


@dataclass(frozen=True)
class InverseGapChooser(NeuralChooser):
    """Abstract: a neural chooser that explores by inverse gap weighting. gamma, growth: how fast exploration fades."""

    gamma: float = 10.0
    growth: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.gamma > 0, self, "gamma", self.gamma, "must be above 0")
        require(0 <= self.growth <= 1, self, "growth", self.growth, "must be from 0 to 1")
