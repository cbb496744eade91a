"""`RevIN`: each window is standardised by its own mean and deviation, which are restored on its forecast."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from foretell.numbers.forecasting.scalers.base import Scaler, ScalerLayer
from foretell.parts import require

#: Lower bound of the learnt factor, since forecasts are divided by it.
LEAST_FACTOR = 0.1


class RevINLayer(ScalerLayer):
    """Subtracts a window's mean and divides by sqrt(variance + eps), then applies a learnt factor and shift for each series; `restore`
    undoes all."""

    def __init__(self, num_series: int, eps: float = 1e-5, affine: bool = True) -> None:
        super().__init__()
        self.eps = eps
        self.factor = nn.Parameter(torch.ones(num_series, 1), requires_grad=affine)
        self.shift = nn.Parameter(torch.zeros(num_series, 1), requires_grad=affine)

    def scale(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        level = x.mean(dim=-1, keepdim=True)
        spread = (x.var(dim=-1, keepdim=True, unbiased=False) + self.eps).sqrt()
        return (x - level) / spread * self.factor.clamp_min(LEAST_FACTOR) + self.shift, level, spread

    def restore(self, forecast: Tensor, level: Tensor, spread: Tensor) -> Tensor:
        return (forecast - self.shift) / self.factor.clamp_min(LEAST_FACTOR) * spread + level


@dataclass(eq=False, repr=False)
class RevIN(Scaler):
    """Reversible instance normalisation.

    eps: added to the variance, so that a constant window is not divided by 0. affine: learn a factor and a shift for each series. Errors:
    UserError for eps not above 0.

    Kim et al., "Reversible Instance Normalization for Accurate Time-Series Forecasting against Distribution Shift". Departure: the learnt
    factor stays above 0.1, since forecasts are divided by it.
    """

    papers = ("revin",)

    eps: float = 1e-5
    affine: bool = True

    def build(self, num_series: int) -> RevINLayer:
        require(self.eps > 0, self, "eps", self.eps, "must be above 0")
        return RevINLayer(num_series, self.eps, self.affine)
