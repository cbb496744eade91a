"""The contract of scalers: what is taken from each window, and given back to its forecast."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from torch import Tensor, nn

from foretell.numbers.component import Component


class ScalerLayer(nn.Module, ABC):
    """Abstract: takes (B, N, L) to (level, spread, scaled) and a forecast (B, N, H) back; `level` and `spread` are (B, N, 1)."""

    @abstractmethod
    def scale(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(scaled windows, level, spread)."""

    @abstractmethod
    def restore(self, forecast: Tensor, level: Tensor, spread: Tensor) -> Tensor:
        """The forecast in the units of the windows."""


@dataclass(eq=False, repr=False)
class Scaler(Component):
    """Abstract: makes the layer that scales windows one by one."""

    @abstractmethod
    def build(self, num_series: int) -> ScalerLayer:
        """The untrained layer."""
