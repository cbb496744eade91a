"""`NormLin`: a learnt matrix with positive rows that sum to 1, instead of attention."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from foretell.numbers.forecasting.mixers.base import MatrixMixer, Mixer


class NormLinLayer(MatrixMixer):
    """(B, N, width) -> (B, N, width): replaces self-attention over N positions with a fixed meaning (series, sensors). Its matrix is
    rownorm(softplus(W)), where W starts at I + normal noise; dropout is applied to the matrix.

    Cost: 2 N width² + N² width multiplications a window, half of attention's. Yue et al., "OLinear: A Linear Model for Time Series
    Forecasting in Orthogonally Transformed Domain", section 3.3.

    >>> layer = NormLinLayer(3, width=4)
    >>> [round(total, 4) for total in layer.matrix().sum(dim=1).tolist()]
    [1.0, 1.0, 1.0]
    """

    def __init__(self, num_series: int, width: int, dropout: float = 0.0) -> None:
        super().__init__(width, dropout)
        self.weight = nn.Parameter(torch.eye(num_series) + torch.randn(num_series, num_series))

    def matrix(self) -> Tensor:
        positive = F.softplus(self.weight).clamp_min(1e-12)  # softplus of very negative numbers is 0 in floats
        return positive / positive.sum(dim=1, keepdim=True)


@dataclass(eq=False, repr=False)
class NormLin(Mixer):
    """One learnt matrix between series, the same for every window: `NormLinLayer`."""

    def build(self, correlation: np.ndarray, width: int, dropout: float) -> NormLinLayer:
        return NormLinLayer(len(correlation), width, dropout)
