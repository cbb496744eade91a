"""The contract of mixers, which pass information between series, and the base of layers that do so by a matrix."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from torch import Tensor, nn

from foretell.numbers.component import Component


@dataclass(eq=False, repr=False)
class Mixer(Component):
    """Abstract: makes the layer that passes information between series."""

    @abstractmethod
    def build(self, correlation: np.ndarray, width: int, dropout: float) -> nn.Module | None:
        """The untrained layer, (B, N, width) -> (B, N, width), whose output an encoder adds to its input; None for no mixing. correlation:
        (N, N), of the training rows. Random numbers are torch's own, which the forecaster has seeded."""


class MatrixMixer(nn.Module, ABC):
    """Abstract: W_o A W_v x, where the matrix A (N, N) does not depend on x and has positive rows that sum to 1."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.value, self.out = nn.Linear(width, width), nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)

    @abstractmethod
    def matrix(self) -> Tensor:
        """A, (N, N)."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, width) -> (B, N, width)."""
        return self.out(self.dropout(self.matrix()) @ self.value(x))


class FixedMixer(MatrixMixer):
    """A fixed matrix that is not learnt."""

    given: Tensor

    def __init__(self, matrix: Tensor, width: int, dropout: float = 0.0) -> None:
        super().__init__(width, dropout)
        self.register_buffer("given", matrix)

    def matrix(self) -> Tensor:
        return self.given
