"""NeuFastCB: a network learns losses by cross-entropy, and explores less the smaller the best arm's loss is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from foretell.decoding.chooser import Array, ChooserState
from foretell.decoding.choosing.inverse_gap import InverseGapChooser, inverse_gap

#: Least predicted loss: at 0 the best arm would have probability 1, and a wrong first estimate would never be corrected.
FLOOR = 1e-3


@dataclass(frozen=True)
class NeuralFastCB(InverseGapChooser):
    """An arm whose predicted loss is `gap` above the least, y, is picked with probability y / (K y + g * gap); the best arm gets the rest.
    g = max(gamma * (K L)^growth, 10 K), where L is the sum of all losses so far, at least 1. The prediction is a sigmoid of a network's
    output, trained by one step of cross-entropy after each round. Where good arms have losses near 0, this explores far less than
    NeuSquareCB.

    gamma, growth: how fast exploration fades; growth 0.5 is the rate of the theorem, 0 never ends, for losses that change with time.
    width, depth, learning_rate: of the network. perturb: "random" signs as in the paper, "ridge", which is close to their mean and
    cheap, or "none". num_signs, strength: of the perturbation. radius: greatest distance of the weights from their initial values.
    offset: a context's last feature is an estimate of its loss, which the network corrects. strict: a loss outside [0, 1] raises UserError.

    Guarantee: none of its own; probabilities sum to 1, the best arm's is at least 1/K, the others' at most 1/K. Under the conditions of
    `neural-square-cb`, expected regret after T rounds is of order sqrt(K L*) + K, up to logarithms, where L* is the total loss of the best
    policy. Needs: contexts of norm about 1, losses in [0, 1]. Cost: 0.1 ms per round at width 64. State: the weights and their initial
    values. Errors: UserError for gamma of 0 or less.

    Deb et al., "Contextual Bandits with Online Neural Regression", algorithm 2; the weighting is FastCB's, Foster and Krishnamurthy,
    "Efficient First-Order Contextual Bandits: Prediction, Allocation, and Triangular Discrimination", section 4. Departures: the sum
    of losses so far replaces L*, which is unknown; predictions are at least 0.001; one constant learning rate; initial weights come in
    pairs that cancel.

    >>> chooser, contexts = NeuralFastCB(), [[1.0, 0.0], [0.0, 1.0]]
    >>> state = chooser.begin(num_features=2, seed=0)
    >>> for _ in range(300):
    ...     arm = chooser.choose(state, contexts).arm
    ...     chooser.update(state, contexts, arm, loss=[0.8, 0.2][arm])
    >>> bool(chooser.choose(state, contexts).probabilities[1] > 0.95)
    True
    """

    papers = ("neural-bandit", "fastcb")
    loss = "log"

    learning_rate: float = 1.0
    gamma: float = 3.0

    def probabilities(self, state: ChooserState, contexts: Array) -> Array:
        num_arms, losses = len(contexts), np.maximum(self.predict(state, contexts), FLOOR)
        gamma = max(self.gamma * (num_arms * max(state.paid, 1.0)) ** self.growth, 10.0 * num_arms)
        return inverse_gap(losses, gamma / float(losses.min()))
