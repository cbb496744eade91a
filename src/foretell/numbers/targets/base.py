"""The contract of targets: how a network says a number, and how the number is read back."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from foretell.numbers.component import Component
from foretell.numbers.distributions import PredictiveDistribution


@dataclass(eq=False, repr=False)
class NumberTarget(Component):
    """Abstract: a code for numbers with its loss. `fit` looks at the training targets once and returns a *code*, plain data that all
    other methods are given back: a dict of numpy arrays and numbers, so that it can be saved as JSON.

    Arrays of numbers are float64 of shape (n,); tensors that a network makes or is trained with are float32, `outputs` (n, width).
    """

    @abstractmethod
    def fit(self, y: np.ndarray, sample_weight: np.ndarray | None = None) -> dict[str, Any]:
        """The code for targets like these; ValueError naming what is wrong with `y` or with a setting."""

    @abstractmethod
    def width(self, code: dict[str, Any]) -> int:
        """How many numbers the network must put out."""

    @abstractmethod
    def encode(self, code: dict[str, Any], y: np.ndarray) -> Tensor:
        """What the loss compares outputs with, (n, ...)."""

    @abstractmethod
    def row_losses(self, outputs: Tensor, encoded: Tensor) -> Tensor:
        """The loss of each row, (n,)."""

    def row_errors(self, code: dict[str, Any], outputs: Tensor, encoded: Tensor) -> Tensor:
        """How far off each row's number is, (n,), by which the best epoch is chosen: the loss, unless it says more than that."""
        return self.row_losses(outputs, encoded)

    @abstractmethod
    def mean(self, code: dict[str, Any], outputs: Tensor) -> Tensor:
        """The number that outputs say, (n,), differentiable, in the units of `y`."""

    def error_unit(self, code: dict[str, Any]) -> float:
        """The standard deviation of the training targets in the unit of `row_errors`, by which errors of several columns are compared:
        1 where errors are in standard deviations already."""
        return 1.0

    def imitation(self, code: dict[str, Any], outputs: Tensor, others: Tensor) -> Tensor:
        """How far outputs lie from another network's for the same rows, (n,): by the absolute difference. Targets whose outputs are
        laws compare the laws."""
        return (outputs - others).abs().mean(dim=1)

    def bias(self, code: dict[str, Any]) -> Tensor:
        """Where the last layer's bias starts, (width,): so that an untrained network says what is common."""
        return torch.zeros(self.width(code))

    def distribution(self, code: dict[str, Any], outputs: Tensor) -> PredictiveDistribution | None:
        """The whole law of each row's number, or None where the code has a point only."""
        return None
