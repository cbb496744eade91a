"""The network of a `DecodingRegressor`: several bodies with decoders, and a linear part that is not trained."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from foretell.numbers.bodies.base import Body
from foretell.numbers.digits.head import DigitHead
from foretell.numbers.digits.leaves import Leaves


class DecodingMembers(nn.Module):
    """Puts out (n, 1 + m): the linear part, and the masses of the m numbers, the mean of the members' laws."""

    slopes: Tensor

    def __init__(self, n_members: int, body: Body, decoder: DigitHead, leaves: Leaves, prior: np.ndarray, slopes: np.ndarray) -> None:
        super().__init__()
        built = [body.build(len(slopes)) for _ in range(n_members)]
        self.bodies = nn.ModuleList(layers for layers, _ in built)
        self.decoders: Any = nn.ModuleList(decoder.build(width, leaves, prior) for _, width in built)
        self.register_buffer("slopes", torch.as_tensor(slopes, dtype=torch.float32), persistent=False)

    def forward(self, inputs: Tensor) -> Tensor:
        masses = [decoder(body(inputs)).exp() for body, decoder in zip(self.bodies, self.decoders, strict=True)]
        return torch.cat([(inputs @ self.slopes)[:, None], torch.stack(masses).mean(0)], 1)

    def log_likelihood(self, inputs: Tensor, leaf: Tensor) -> Tensor:
        """(n, k) -> (n, n_members, k): each member's log-masses of the numbers at these places."""
        found = [decoder.log_likelihood(body(inputs), leaf) for body, decoder in zip(self.bodies, self.decoders, strict=True)]
        return torch.stack(found, 1)
