"""The contract of mixers: how series look at each other; and the layer of those that do so by a matrix."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from torch import Tensor, nn

from foretell.numbers.component import Component


@dataclass(eq=False, repr=False)
class Mixer(Component):
    """Abstract: makes the layer through which series look at each other."""

    @abstractmethod
    def build(self, correlation: np.ndarray, width: int, dropout: float) -> nn.Module | None:
        """The untrained layer, (B, N, width) -> (B, N, width), that an encoder adds to its input; None: they do not look.
        correlation: (N, N), of the training rows. Random numbers are torch's own, which the forecaster has seeded."""


class MatrixMixer(nn.Module, ABC):
    """Abstract: W_o A W_v x, with a matrix A (N, N) that does not depend on x, of positive rows that sum to 1."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.value, self.out = nn.Linear(width, width), nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)

    @abstractmethod
    def matrix(self) -> Tensor:
        """A."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, width) -> (B, N, width)."""
        return self.out(self.dropout(self.matrix()) @ self.value(x))


class FixedMixer(MatrixMixer):
    """A matrix that is given and not learnt."""

    given: Tensor

    def __init__(self, matrix: Tensor, width: int, dropout: float = 0.0) -> None:
        super().__init__(width, dropout)
        self.register_buffer("given", matrix)

    def matrix(self) -> Tensor:
        return self.given
