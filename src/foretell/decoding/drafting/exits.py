"""Measurements of early exits: shadow tokens, their confidence, and the cost of an exit."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from foretell.decoding.drafter import Seen
from foretell.decoding.pacing.measured_curve import curve_of
from foretell.models.base import Model
from foretell.models.one_thread import one_thread


@dataclass
class Shadow:
    """Shadow tokens of one verification pass, by exit layer, at each visited position (the root and the accepted nodes).

    hits: whether the exit's arg-max equals the target's, also where tokens are sampled. confidence: the probability of that arg-max.
    seconds: the cost of drafting a token at the exit.
    """

    hits: dict[int, list[bool]] = field(default_factory=dict)
    confidence: dict[int, list[float]] = field(default_factory=dict)
    seconds: dict[int, float] = field(default_factory=dict)


@one_thread()
def confidence(logits: Tensor) -> list[float]:
    """Probability of the most probable token of each row of logits (n, vocab_size).

    >>> confidence(torch.tensor([[0.0, 0.0], [0.0, 100.0]]))
    [0.5, 1.0]
    """
    best = logits.amax(-1, keepdim=True)
    return (logits - best).exp().sum(-1).reciprocal().tolist()


def stage_seconds(model: Model, exits: Sequence[int]) -> list[float]:
    """Seconds that each exit costs a token that has passed the exits before: its layers, and one more pass of the head.

    Computed from the measured curves of the exits. The head's cost is the value at layer 0 of the line through the first and last exit.
    """
    seconds = [curve_of(model, stop=None if layer == model.num_layers else layer)(1) for layer in exits]
    slope = (seconds[-1] - seconds[0]) / max(exits[-1] - exits[0], 1)
    head = min(max(seconds[0] - slope * exits[0], 0.0), seconds[0])
    return [seconds[0], *(max(later - earlier, 0.0) + head for earlier, later in itertools.pairwise(seconds))]


def measure_exits(model: Model, layers: Sequence[int], seen: Seen) -> Shadow:
    """The shadow tokens of a pass that returned the hidden states after `layers`."""
    lag = len(seen.fed) - len(seen.tree)
    visited = [lag - 1, *(lag + node for node in seen.path)]
    target = seen.logits[[row - len(seen.fed) for row in visited]].argmax(-1)
    logits = model.head(model.norm(torch.cat([seen.hidden[layer][visited] for layer in layers])))
    hits = logits.argmax(-1).view(len(layers), -1) == target
    probabilities = confidence(logits)
    num = len(visited)
    return Shadow(
        {layer: hits[i].tolist() for i, layer in enumerate(layers)},
        {layer: probabilities[i * num : (i + 1) * num] for i, layer in enumerate(layers)},
        {layer: curve_of(model, stop=layer)(1) for layer in layers},
    )
