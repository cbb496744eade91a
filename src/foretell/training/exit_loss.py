"""`ExitLoss`: trains a network so that its early layers can speak too, through the one final norm and head."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from foretell.parts import require

SCHEDULES = ("all", "rotating", "last")
WEIGHTS = ("equal", "depth")


@dataclass(frozen=True)
class ExitLoss:
    """Next-token cross-entropy at several exits of a `LlamaForCausalLM` (or any model of transformers built alike).

    exits: layers after which final norm and head are read; ascending, the last is the network's depth. weights: "equal",
    "depth" (in proportion to the layer), or a number for each exit. schedule: "all" exits every step; "rotating", one early
    exit a step, in turn, beside the last; "last" alone. dropout: largest chance that a sequence skips a layer; layer l of L
    is skipped with dropout * (2 ** (l / (L - 1)) - 1), l from 0.

    The published recipes: all exits, equal weights is sorted fine-tuning (SoFT; Kavehzadeh et al., "S2D: Sorted Speculative
    Decoding For More Efficient Deployment of Nested Large Language Models", section 3); rotating with dropout is LayerSkip
    (Elhoushi et al., "LayerSkip: Enabling Early Exit Inference and Self-Speculative Decoding", section 4, in the form that
    trl gives it: (CE(early) + CE(last)) / 2); "last" is ordinary training (SFT). Departures: LayerSkip's curriculum over
    time is left out; a rotation gives each exit the same share.

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

    def __call__(self, model: Any, batch: Tensor, step: int) -> Tensor:
        """The loss of `batch` (n, length + 1) at `step`."""
        weights = self.weights_at(step)
        depth = model.config.num_hidden_layers
        require(self.exits[-1] == depth, self, "exits", self.exits, f"must end with the network's depth, {depth}")
        losses = exit_losses(model, batch, list(weights), self.dropout)
        return sum((weight * losses[layer] for layer, weight in weights.items()), torch.zeros((), device=batch.device))

    def weights_at(self, step: int) -> dict[int, float]:
        """Weight by exit at `step`; they sum to 1."""
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


def exit_losses(model: Any, batch: Tensor, exits: Sequence[int], dropout: float = 0.0) -> dict[int, Tensor]:
    """Mean cross-entropy, in nats a token, at each exit."""
    inputs, targets = batch[:, :-1].to(model.device), batch[:, 1:].to(model.device)
    states = exit_states(model, inputs, exits, dropout)
    return {
        layer: F.cross_entropy(model.lm_head(model.model.norm(state)).flatten(0, 1).float(), targets.flatten())
        for layer, state in states.items()
    }


def exit_states(model: Any, tokens: Tensor, exits: Iterable[int], dropout: float = 0.0) -> dict[int, Tensor]:
    """The residual stream (before the final norm) after each layer of `exits`, (n, length, width); no layer runs beyond the last.

    Written out because `output_hidden_states` normalises the last state and no other, and skips no layers.
    """
    wanted, network = set(exits), model.model
    x = network.embed_tokens(tokens)
    positions = torch.arange(tokens.shape[1], device=tokens.device)[None]
    rotary = network.rotary_emb(x, position_ids=positions)
    depth, states = len(network.layers), {}
    for i, layer in enumerate(network.layers[: max(wanted)]):
        chance = dropout * (math.exp(i * math.log(2) / (depth - 1)) - 1) if dropout and depth > 1 else 0.0
        kept = (torch.rand(len(x), device="cpu") >= chance).nonzero().flatten().to(x.device) if chance else None
        if kept is None or len(kept) == len(x):
            x = layer(x, position_ids=positions, position_embeddings=rotary)
        elif len(kept):
            x = x.index_copy(0, kept, layer(x[kept], position_ids=positions, position_embeddings=rotary))
        if i + 1 in wanted:
            states[i + 1] = x
    return states


@torch.no_grad()
def held_out_losses(model: Any, batches: Iterable[Tensor], exits: Sequence[int]) -> dict[int, float]:
    """Mean cross-entropy at each exit over several batches."""
    model.eval()
    sums, num = dict.fromkeys(exits, 0.0), 0
    for batch in batches:
        for layer, loss in exit_losses(model, batch, exits).items():
            sums[layer] += float(loss) * len(batch)
        num += len(batch)
    return {layer: value / num for layer, value in sums.items()}


@torch.no_grad()
def agreement(model: Any, batches: Iterable[Tensor], exits: Sequence[int]) -> dict[int, float]:
    """Share of tokens where each exit's best token is the last exit's: what a draft from there could have accepted."""
    model.eval()
    same, num = dict.fromkeys(exits, 0), 0
    for batch in batches:
        states = exit_states(model, batch[:, :-1].to(model.device), exits)
        best = {layer: model.lm_head(model.model.norm(state)).argmax(-1) for layer, state in states.items()}
        for layer in exits:
            same[layer] += int((best[layer] == best[exits[-1]]).sum())
        num += best[exits[-1]].numel()
    return {layer: value / num for layer, value in same.items()}
