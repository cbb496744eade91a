"""Shared code of neural choosers: a network that predicts the loss of an arm from its context, trained one round at a time."""

from __future__ import annotations

from dataclasses import dataclass

from foretell.decoding.chooser import Array, ChooserState, OnlineChooser
from foretell.decoding.choosing.online_network import OnlineNetwork
from foretell.parts import require

PERTURBATIONS = ("random", "ridge", "none")
#: Fields that `OnlineNetwork` has as well.
SETTINGS = ("width", "depth", "learning_rate", "perturb", "num_signs", "strength", "radius", "offset")


@dataclass(frozen=True)
class NeuralChooser(OnlineChooser):
    """Abstract: subclasses set `loss` and implement `probabilities`. The fields are those of `OnlineNetwork`; UserError out of range."""

    #: The training loss of the network: "squared" or "log".
    loss = "squared"

    width: int = 64
    depth: int = 1
    learning_rate: float = 0.3
    perturb: str = "ridge"
    num_signs: int = 10
    strength: float = 0.01
    radius: float = 30.0
    offset: bool = False

    def __post_init__(self) -> None:
        require(isinstance(self.width, int) and self.width >= 2 and self.width % 2 == 0, self, "width", self.width, "must be even")
        for name in ("depth", "num_signs"):
            value = getattr(self, name)
            require(isinstance(value, int) and value >= 1, self, name, value, "must be at least 1")
        for name in ("learning_rate", "radius"):
            require(getattr(self, name) > 0, self, name, getattr(self, name), "must be above 0")
        require(self.strength >= 0, self, "strength", self.strength, "must be 0 or above")
        require(self.perturb in PERTURBATIONS, self, "perturb", self.perturb, f"must be one of {', '.join(PERTURBATIONS)}")

    def network(self, num_features: int) -> OnlineNetwork:
        """The network for contexts of width `num_features`."""
        settings = {name: getattr(self, name) for name in SETTINGS}
        return OnlineNetwork(num_features, self.loss, **settings)

    def start(self, num_features: int, seed: int) -> dict[str, Array]:
        return self.network(num_features).start(seed)

    def predict(self, state: ChooserState, contexts: Array) -> Array:
        """Expected losses (K,) for contexts (K, d)."""
        return self.network(state.num_features).predict(state.learnt, contexts)

    def learn(self, state: ChooserState, context: Array, loss: float) -> None:
        self.network(state.num_features).step(state.learnt, context, loss)
