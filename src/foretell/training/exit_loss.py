"""`ExitLoss`: trains the early layers of a network to predict too, through the same final norm and head."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from foretell.parts import require
from foretell.training.backbones.backbone import Backbone

SCHEDULES = ("all", "rotating", "last")
WEIGHTS = ("equal", "depth")


@dataclass(frozen=True)
class ExitLoss:
    """Next-token cross-entropy at several exits of a `Backbone`, in nats a token.

    exits: layers after which final norm and head are applied; ascending, the last is the network's depth. weights: "equal", "depth" (in
    proportion to the layer), or a number for each exit. schedule: "all" exits every step; "rotating", one early exit a step, in turn,
    beside the last; "last" alone. dropout: largest probability that a sequence skips a layer; layer l of L is skipped with probability
    dropout * (2 ** (l / (L - 1)) - 1), l from 0. Errors: UserError for settings out of range, and for exits that do not end with the depth.

    The published methods: all exits with equal weights is sorted fine-tuning (SoFT; Kavehzadeh et al., "S2D: Sorted Speculative Decoding
    For More Efficient Deployment of Nested Large Language Models", section 3); rotating with dropout is LayerSkip (Elhoushi et al.,
    "LayerSkip: Enabling Early Exit Inference and Self-Speculative Decoding", section 4, in the form of trl: (CE(early) + CE(last)) / 2);
    "last" is ordinary training (SFT). Departures: LayerSkip's curriculum over time is left out; a rotation gives each exit the same share.

    >>> ExitLoss((1, 3), schedule="rotating").weights_at(0)
    {1: 0.5, 3: 0.5}
    """

    exits: tuple[int, ...]
    weights: str | tuple[float, ...] = "equal"
    schedule: str = "all"
    dropout: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "exits", tuple(self.exits))
        rising = bool(self.exits) and self.exits[0] >= 1 and all(a < b for a, b in zip(self.exits, self.exits[1:]))
        require(rising, self, "exits", self.exits, "must be layers in ascending order, from 1")
        require(self.schedule in SCHEDULES, self, "schedule", self.schedule, f"must be one of {', '.join(SCHEDULES)}")
        if isinstance(self.weights, str):
            require(self.weights in WEIGHTS, self, "weights", self.weights, f"must be one of {', '.join(WEIGHTS)}, or a number an exit")
        else:
            object.__setattr__(self, "weights", tuple(self.weights))
            good = len(self.weights) == len(self.exits) and min(self.weights, default=0) >= 0 and self.weights[-1] > 0
            require(good, self, "weights", self.weights, f"must hold a number, 0 or above, for each of {len(self.exits)} exits")
        require(0 <= self.dropout < 1, self, "dropout", self.dropout, "must be a chance, 0 or above and below 1")
        require(self.schedule != "rotating" or len(self.exits) > 1, self, "exits", self.exits, "needs an early exit to rotate over")

    def __call__(self, network: Backbone, batch: Tensor, step: int) -> Tensor:
        """The loss of `batch` (n, length + 1) int64 at `step`, a scalar."""
        weights, depth = self.weights_at(step), network.num_layers
        require(self.exits[-1] == depth, self, "exits", self.exits, f"must end with the network's depth, {depth}")
        losses = exit_losses(network, batch, list(weights), layer_chances(depth, self.dropout))
        return sum((weight * losses[layer] for layer, weight in weights.items()), torch.zeros((), device=batch.device))

    def weights_at(self, step: int) -> dict[int, float]:
        """The weight of each exit at `step`; they sum to 1."""
        if self.schedule == "last":
            return {self.exits[-1]: 1.0}
        if isinstance(self.weights, tuple):
            weight = dict(zip(self.exits, self.weights, strict=True))
        else:
            weight = {layer: 1.0 if self.weights == "equal" else float(layer) for layer in self.exits}
        if self.schedule == "rotating":
            early = self.exits[step % (len(self.exits) - 1)]
            weight = {early: weight[early], self.exits[-1]: weight[self.exits[-1]]}
        total = sum(weight.values())
        return {layer: value / total for layer, value in weight.items()}


def layer_chances(num_layers: int, dropout: float) -> tuple[float, ...]:
    """The probability that a sequence skips each layer, increasing with depth to `dropout`; () for none.

    >>> layer_chances(3, 0.5)
    (0.0, 0.20710678118654746, 0.5)
    """
    if not dropout or num_layers < 2:
        return ()
    return tuple(dropout * (math.exp(i * math.log(2) / (num_layers - 1)) - 1) for i in range(num_layers))


def exit_losses(network: Backbone, batch: Tensor, exits: Sequence[int], layer_dropout: Sequence[float] = ()) -> dict[int, Tensor]:
    """Mean next-token cross-entropy, in nats a token, at each exit. batch: (n, length + 1) int64. layer_dropout: see `Backbone.forward`."""
    targets = batch[:, 1:].to(network.device).flatten()
    logits = exit_logits(network, batch[:, :-1], exits, layer_dropout)
    return {layer: F.cross_entropy(each.flatten(0, 1), targets) for layer, each in logits}


def exit_logits(
    network: Backbone, tokens: Tensor, exits: Sequence[int], layer_dropout: Sequence[float] = ()
) -> Iterator[tuple[int, Tensor]]:
    """The logits (n, length, vocab_size) float32 of one exit after the other; no layer runs beyond the last exit. tokens: (n, length)."""
    states = network(tokens, hidden=exits, stop=max(exits), logits=False, layer_dropout=layer_dropout).hidden
    return ((layer, network.head(network.norm(states[layer]))) for layer in exits)


@torch.no_grad()
def held_out_losses(network: Backbone, batches: Iterable[Tensor], exits: Sequence[int]) -> dict[int, float]:
    """Mean cross-entropy, in nats a token, at each exit over several batches (n, length + 1)."""
    network.eval()
    sums, num = dict.fromkeys(exits, 0.0), 0
    for batch in batches:
        for layer, loss in exit_losses(network, batch, exits).items():
            sums[layer] += float(loss) * len(batch)
        num += len(batch)
    return {layer: value / num for layer, value in sums.items()}


@torch.no_grad()
def agreement(network: Backbone, batches: Iterable[Tensor], exits: Sequence[int]) -> dict[int, float]:
    """The share of tokens for which the best token of each exit is that of the last exit: an upper bound of what a draft from there has
    accepted."""
    network.eval()
    same, num = dict.fromkeys(exits, 0), 0
    for batch in batches:
        best = {layer: logits.argmax(-1) for layer, logits in exit_logits(network, batch[:, :-1], exits)}
        for layer in exits:
            same[layer] += int((best[layer] == best[exits[-1]]).sum())
        num += best[exits[-1]].numel()
    return {layer: value / num for layer, value in same.items()}
