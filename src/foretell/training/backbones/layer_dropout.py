"""Layers that single sequences of a batch skip in training."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def run_layer(layer: Callable[..., Tensor], chance: float, x: Tensor, mask: Tensor | None, positions: Tensor, *rotation: Tensor) -> Tensor:
    """The states (batch, length, width) after a decoder layer of transformers, which each sequence skips with probability `chance`.

    x: the states before it. mask, positions: as `masks.visible` has them. rotation: cosine and sine, (batch, length, head_dim). Draws
    are torch's random numbers of the CPU. Elhoushi et al., "LayerSkip", section 4.1.
    """
    kept = (torch.rand(len(x)) >= chance).nonzero().flatten().to(x.device) if chance else None
    if kept is None or len(kept) == len(x):
        return layer(x, attention_mask=mask, position_ids=positions, position_embeddings=rotation)
    if not len(kept):
        return x
    mask = None if mask is None else mask[kept]
    found = run_layer(layer, 0.0, x[kept], mask, positions[kept], *(each[kept] for each in rotation))
    return x.index_copy(0, kept, found)
