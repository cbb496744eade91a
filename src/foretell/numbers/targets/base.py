"""The contract of targets: how the outputs of a network encode a number, and how the number is decoded."""

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
    """Abstract: an encoding of numbers with its loss. `fit` reads the training targets once and returns a *code*, which all other methods
    take: plain data (a dict of numpy arrays and numbers), so that it can be saved.

    Arrays of numbers are float64 of shape (n,). Tensors that a network puts out or is trained on are float32; `outputs` is (n, width).
    """

    @abstractmethod
    def fit(self, y: np.ndarray, sample_weight: np.ndarray | None = None) -> dict[str, Any]:
        """The code for targets y (n,) with weights (n,); UserError naming what is wrong with `y` or with a setting."""

    @abstractmethod
    def width(self, code: dict[str, Any]) -> int:
        """The number of outputs that the network must have."""

    @abstractmethod
    def encode(self, code: dict[str, Any], y: np.ndarray) -> Tensor:
        """What the loss compares outputs with, (n, ...). UserError for targets that the code has no place for."""

    @abstractmethod
    def row_losses(self, outputs: Tensor, encoded: Tensor) -> Tensor:
        """The loss of each row, (n,), differentiable."""

    def row_errors(self, code: dict[str, Any], outputs: Tensor, encoded: Tensor) -> Tensor:
        """The error of each row, (n,), by which the best epoch is chosen. This is the loss, unless a subclass has a better measure."""
        return self.row_losses(outputs, encoded)

    @abstractmethod
    def mean(self, code: dict[str, Any], outputs: Tensor) -> Tensor:
        """Point predictions from outputs, (n,), differentiable, in the units of y."""

    def error_unit(self, code: dict[str, Any]) -> float:
        """The standard deviation of the training targets in the unit of `row_errors`, used to compare errors of several columns: 1 where
        errors are already in standard deviations."""
        return 1.0

    def imitation(self, code: dict[str, Any], outputs: Tensor, others: Tensor) -> Tensor:
        """The distance of outputs to another network's for the same rows, (n,), differentiable: the mean absolute difference. Targets whose
        outputs are distributions compare these."""
        return (outputs - others).abs().mean(dim=1)

    def bias(self, code: dict[str, Any]) -> Tensor:
        """Initial bias of the last layer, (width,): an untrained network predicts the training average."""
        return torch.zeros(self.width(code))

    def distribution(self, code: dict[str, Any], outputs: Tensor) -> PredictiveDistribution | None:
        """The predictive distribution of each row, or None where the code has points only."""
        return None
