"""The network of OLinear: scaler, basis, mixers and head."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from foretell.numbers.forecasting.scalers.base import ScalerLayer


class Lift(nn.Module):
    """(B, N, L) -> (B, N, width): each transformed window times d learnt factors, plus a learnt shift for each series, through a dense
    layer.

    The d copies of a window differ by a factor only, so that the dense layer's weights are summed over the copies before they are applied:
    the same function and gradients with d times fewer multiplications.
    """

    basis: Tensor

    def __init__(self, basis: np.ndarray, num_series: int, copies: int, width: int) -> None:
        super().__init__()
        length = len(basis)
        self.register_buffer("basis", torch.as_tensor(basis, dtype=torch.float32))
        self.factors = nn.Parameter(torch.randn(copies))
        self.shift = nn.Parameter(torch.zeros(num_series, length))
        self.dense = nn.Linear(copies * length, width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, L) -> (B, N, width)."""
        weight = self.dense.weight.unflatten(1, (len(self.factors), -1))
        merged = torch.einsum("c,wcl->wl", self.factors, weight)
        return x @ self.basis.T @ merged.T + self.shift @ weight.sum(dim=1).T + self.dense.bias


class ForecastHead(nn.Module):
    """(B, N, width) -> (B, N, H): d forecasts in the basis, transformed back, plus a learnt shift for each series, then two dense layers.

    The linear parts before the activation are multiplied together before they are applied to the batch: the same function.
    """

    basis: Tensor

    def __init__(self, basis: np.ndarray, num_series: int, copies: int, width: int, hidden: int) -> None:
        super().__init__()
        horizon = len(basis)
        self.register_buffer("basis", torch.as_tensor(basis, dtype=torch.float32))
        self.dense = nn.Linear(width, copies * horizon)
        self.shift = nn.Parameter(torch.zeros(num_series, horizon))
        self.hidden = nn.Linear(copies * horizon, hidden)
        self.out = nn.Sequential(nn.GELU(), nn.Linear(hidden, horizon))

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, width) -> (B, N, H)."""
        weight = self.hidden.weight.unflatten(1, (-1, len(self.basis)))
        rotated = (weight @ self.basis.T).flatten(1)
        bias = rotated @ self.dense.bias + self.hidden.bias
        return self.out(x @ (rotated @ self.dense.weight).T + self.shift @ weight.sum(dim=1).T + bias)


class EncoderLayer(nn.Module):
    """(B, N, width) -> (B, N, width): mixing between series, then a dense network on each; both have a residual connection and a layer
    norm."""

    def __init__(self, mixer: nn.Module | None, width: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.mixer, self.mixed = mixer, None if mixer is None else nn.LayerNorm(width)
        self.dense = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Dropout(dropout), nn.Linear(hidden, width), nn.Dropout(dropout))
        self.norm, self.dropout = nn.LayerNorm(width), nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, width) -> (B, N, width)."""
        if self.mixer is not None and self.mixed is not None:
            x = self.mixed(x + self.dropout(self.mixer(x)))
        return self.norm(x + self.dense(x))


class ForecastNetwork(nn.Module):
    """(B, N, L) -> (B, N, H): scale, transform, encode, head, restore."""

    def __init__(self, scaler: ScalerLayer, lift: nn.Module, encoder: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.scaler, self.lift, self.encoder, self.head = scaler, lift, encoder, head

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, L) -> (B, N, H)."""
        scaled, level, spread = self.scaler.scale(x)
        return self.scaler.restore(self.head(self.encoder(self.lift(scaled))), level, spread)
