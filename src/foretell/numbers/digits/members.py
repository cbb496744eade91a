"""The network of a `DecodingRegressor`: several bodies with decoders, and a linear part that is not trained."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from foretell.numbers.bodies.base import Body
from foretell.numbers.digits.head import DigitHead
from foretell.numbers.digits.leaves import Leaves
from foretell.numbers.input_spec import flat

#: Rows scored at once.
SCORED = 1024


class DecodingMembers(nn.Module):
    """Puts out (n, 1 + m): the linear part, and the masses of the m numbers, averaged over the members."""

    slopes: Tensor

    def __init__(self, n_members: int, body: Body, decoder: DigitHead, leaves: Leaves, prior: np.ndarray, slopes: np.ndarray) -> None:
        super().__init__()
        built = [body.build(flat(len(slopes))) for _ in range(n_members)]
        self.bodies = nn.ModuleList(layers for layers, _ in built)
        self.decoders: Any = nn.ModuleList(decoder.build(width, leaves, prior) for _, width in built)
        self.register_buffer("slopes", torch.as_tensor(slopes, dtype=torch.float64), persistent=False)

    def forward(self, inputs: Tensor) -> Tensor:
        """(n, d) -> (n, 1 + m)."""
        masses = [decoder(body(inputs)).exp() for body, decoder in zip(self.bodies, self.decoders, strict=True)]
        return torch.cat([(inputs.to(self.slopes.dtype) @ self.slopes)[:, None], torch.stack(masses).mean(0)], 1)

    def crps(self, inputs: Tensor, edges: Tensor, y: Tensor) -> Tensor:
        """(n, n_members): the continuous ranked probability score of each member's distribution: the integral, over the inner edges between
        numbers (m - 1,), of the squared difference of its distribution function and that of y (n,)."""
        widths = edges.diff(append=edges[-1:]) if len(edges) else edges
        found = []
        for part, true in zip(inputs.split(SCORED), y.split(SCORED), strict=True):
            reached = (edges >= true[:, None]).to(inputs.dtype)
            distributions = [decoder(body(part)).exp() for body, decoder in zip(self.bodies, self.decoders, strict=True)]
            found.append(
                torch.stack([((distribution.cumsum(1)[:, :-1] - reached).square() * widths).sum(1) for distribution in distributions], 1)
            )
        return torch.cat(found)

    def log_likelihood(self, inputs: Tensor, leaf: Tensor) -> Tensor:
        """(n, n_members, k): each member's log-masses of the numbers with these indices, leaf (n, k). inputs: (n, d)."""
        found = [decoder.log_likelihood(body(inputs), leaf) for body, decoder in zip(self.bodies, self.decoders, strict=True)]
        return torch.stack(found, 1)
