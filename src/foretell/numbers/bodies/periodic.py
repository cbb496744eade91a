"""`Periodic`: each number of a row as waves of learnt frequencies, before the layers of another body."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from foretell.numbers.bodies.base import Body
from foretell.numbers.bodies.mlp import MLP
from foretell.numbers.input_spec import InputSpec, flat, flat_width
from foretell.parts import require


@dataclass(eq=False, repr=False)
class Periodic(Body):
    """Numerical embeddings (PLR): a column's number becomes sines and cosines of learnt frequencies, a linear map of its own and a ReLU;
    the body takes these of all columns, beside the numbers themselves. So a network learns steps and bends of a column quickly.

    body: of the layers above (None: `MLP()`). frequencies: of each column. sigma: the standard deviation of frequencies at the start, in
    cycles a standard deviation of the column; the setting that matters most. width: of a column's embedding. Cost: about `width` times
    the columns for the body's first layer. Errors: UserError for settings out of range, and for inputs that are no table.

    Paper: Gorishniy, Rubachev and Babenko, "On Embeddings for Numerical Features in Tabular Deep Learning", NeurIPS 2022, section 3.3.
    Departure: the numbers themselves are kept beside.

    >>> layers, width = Periodic(MLP((16,)), frequencies=4, width=3).build(flat(5))
    >>> width, layers(torch.zeros(2, 5)).shape
    (16, torch.Size([2, 16]))
    """

    papers = ("numerical-embeddings",)

    body: Any = None
    frequencies: int = 16
    sigma: float = 0.1
    width: int = 8

    def build(self, inputs: InputSpec) -> tuple[nn.Module, int]:
        require(self.frequencies >= 1, self, "frequencies", self.frequencies, "must be at least 1")
        require(self.width >= 1, self, "width", self.width, "must be at least 1")
        require(self.sigma > 0, self, "sigma", self.sigma, "must be above 0")
        columns = flat_width(inputs, self)
        body = MLP() if self.body is None else self.body
        layers, width = body.build(flat(columns * (self.width + 1)))
        return nn.Sequential(PeriodicLayer(columns, self.frequencies, self.sigma, self.width), layers), width


class PeriodicLayer(nn.Module):
    """Rows (..., columns) to (..., columns * (width + 1)): each column's embedding, then the numbers."""

    def __init__(self, columns: int, frequencies: int, sigma: float, width: int) -> None:
        super().__init__()
        self.frequencies = nn.Parameter(sigma * torch.randn(columns, frequencies).clamp(-3, 3))
        bound = 1 / math.sqrt(2 * frequencies)
        self.weight = nn.Parameter(torch.empty(columns, 2 * frequencies, width).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(columns, width).uniform_(-bound, bound))

    def forward(self, rows: Tensor) -> Tensor:
        angles = 2 * math.pi * self.frequencies * rows[..., None]
        waves = torch.cat([angles.cos(), angles.sin()], -1)
        embedded = torch.relu(torch.einsum("...cf,cfw->...cw", waves, self.weight) + self.bias)
        return torch.cat([embedded.flatten(-2), rows], -1)
