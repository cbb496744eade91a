"""Final norm and output head on any states: what an exit would have said."""

from __future__ import annotations

import torch
from torch import Tensor

from foretell.models.base import Feed, Model


def read_out(model: Model, states: Tensor) -> Tensor:
    """Logits (n, vocab_size) of `states` (n, width), residual streams before the final norm, of any layers in any order.

    >>> from foretell.models.tiny import TinyModel
    >>> model = TinyModel(num_layers=2)
    >>> rows = model.forward([Feed(model.new_cache(), [1, 2])], hidden=[1], stop=1)[0]
    >>> bool(torch.allclose(read_out(model, rows.hidden[1]), rows.logits, atol=1e-5))
    True
    """
    if not len(states):
        return torch.empty(0, model.vocab_size)
    # Two forwards that run no layer: rows of any text, which the head does not look at, and their resumption after the last layer.
    cache, depth = model.new_cache(), model.num_layers
    model.forward([Feed(cache, [0] * len(states), [-1] * len(states), num_logits=0)], stop=0)
    return model.forward([Feed(cache, embeddings=states, rows=range(len(states)))], start=depth, stop=depth)[0].logits
