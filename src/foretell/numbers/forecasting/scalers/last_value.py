"""`LastValue`: forecasts as differences from the last row."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from foretell.numbers.forecasting.scalers.base import Scaler, ScalerLayer


class LastValueLayer(ScalerLayer):
    """Subtracts the last value of a window, and adds it to the forecast."""

    def scale(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        level = x[..., -1:]
        return x - level, level, torch.ones_like(level)

    def restore(self, forecast: Tensor, level: Tensor, spread: Tensor) -> Tensor:
        return forecast + level


@dataclass(eq=False, repr=False)
class LastValue(Scaler):
    """For series that drift: the last value is the level, and the spread is left as it is.

    Zeng et al., "Are Transformers Effective for Time Series Forecasting?" (NLinear).
    """

    papers = ("dlinear",)

    def build(self, num_series: int) -> LastValueLayer:
        return LastValueLayer()
