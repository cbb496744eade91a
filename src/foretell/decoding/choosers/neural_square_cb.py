"""NeuSquareCB: a network learns losses by squared error, and arms are picked by inverse gap weighting."""

from __future__ import annotations

from dataclasses import dataclass

from foretell.decoding.chooser import Array, ChooserState
from foretell.decoding.choosing.inverse_gap import InverseGapChooser, inverse_gap


@dataclass(frozen=True)
class NeuralSquareCB(InverseGapChooser):
    """An arm whose predicted loss is `gap` above the least is picked with probability 1 / (K + g * gap), where in round t of K arms
    g = gamma * (K t)^growth; the best arm gets the rest. The prediction is a network's, trained by one step after each round.

    gamma, growth: how fast exploration fades; growth 0.5 is the rate of the theorem, 0 never ends, for losses that change with time.
    width, depth, learning_rate: of the network. perturb: "random" signs as in the paper, "ridge", which is their mean and cheap, or
    "none". num_signs, strength: of the perturbation. radius: greatest distance of the weights from their initial values. offset: a
    context's last feature is an estimate of its loss, which the network corrects. strict: a loss outside [0, 1] raises UserError.

    Guarantee: none of its own; probabilities sum to 1, the best arm's is at least 1/K, the others' at most 1/K. With losses in [0, 1] that
    some network of this form predicts on average, and a width polynomial in T (a guide, not a setting), expected regret after T rounds
    is of order sqrt(K T), up to logarithms, whatever the contexts. Needs: contexts of norm about 1, losses in [0, 1]. Cost: 0.1 ms per
    round at width 64. State: the weights and their initial values. Errors: UserError for gamma of 0 or less.

    Deb et al., "Contextual Bandits with Online Neural Regression", algorithm 1. Departures: gamma grows with t, so that T need not be
    known; one constant learning rate; initial weights come in pairs that cancel.

    >>> chooser, contexts = NeuralSquareCB(), [[1.0, 0.0], [0.0, 1.0]]
    >>> state = chooser.begin(num_features=2, seed=0)
    >>> for _ in range(300):
    ...     arm = chooser.choose(state, contexts).arm
    ...     chooser.update(state, contexts, arm, loss=[0.8, 0.2][arm])
    >>> bool(chooser.choose(state, contexts).probabilities[1] > 0.9)
    True
    """

    papers = ("neural-bandit",)

    def probabilities(self, state: ChooserState, contexts: Array) -> Array:
        gamma = self.gamma * (len(contexts) * (state.num_updates + 1)) ** self.growth
        return inverse_gap(self.predict(state, contexts), gamma)
