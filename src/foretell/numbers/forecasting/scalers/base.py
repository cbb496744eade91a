"""The contract of scalers: normalisation of each window, undone on its forecast."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from torch import Tensor, nn

from foretell.numbers.component import Component


class ScalerLayer(nn.Module, ABC):
    """Abstract: normalises windows (B, N, L) and undoes it on forecasts (B, N, H); `level` and `spread` are (B, N, 1)."""

    @abstractmethod
    def scale(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(scaled windows, level, spread) of windows (B, N, L)."""

    @abstractmethod
    def restore(self, forecast: Tensor, level: Tensor, spread: Tensor) -> Tensor:
        """A forecast (B, N, H) in the units of the windows."""


@dataclass(eq=False, repr=False)
class Scaler(Component):
    """Abstract: makes the layer that normalises windows one by one."""

    @abstractmethod
    def build(self, num_series: int) -> ScalerLayer:
        """The untrained layer for this number of series."""
