"""`HistogramRegressor`: a network that says a number by a histogram, trained by cross-entropy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor, nn

from foretell.numbers.bodies.mlp import MLP
from foretell.numbers.distributional import DistributionalMixin
from foretell.numbers.distributions import Distribution
from foretell.numbers.targets.base import Target
from foretell.numbers.targets.mse import MSE
from foretell.numbers.torch_regressor import TorchRegressor


@dataclass(eq=False, repr=False)
class HistogramRegressor(DistributionalMixin, TorchRegressor):
    """TO BE WRITTEN by the hl-gauss part: target None will mean HLGauss(), body None an MLP()."""

    @classmethod
    def examples(cls) -> list[HistogramRegressor]:
        """Small settings for checks."""
        return [cls(body=MLP((16,)), epochs=200, learning_rate=1e-2, validation_fraction=0, random_state=0)]

    body: Any = None
    target: Any = None

    def _target(self) -> Target:
        return MSE() if self.target is None else self.target

    def _settle(self, y: np.ndarray, sample_weight: np.ndarray | None) -> None:
        self.code_ = self._target().fit(y, sample_weight)

    def _make_network(self) -> nn.Module:
        body, width = (MLP() if self.body is None else self.body).build(self.n_features_in_)
        head = nn.Linear(width, self._target().width(self.code_))
        with __import__("torch").no_grad():
            head.bias.copy_(self._target().bias(self.code_))
        return nn.Sequential(body, head)

    def _encode(self, y: np.ndarray) -> Tensor:
        return self._target().encode(self.code_, y)

    def _row_losses(self, network: nn.Module, inputs: Tensor, encoded: Tensor) -> Tensor:
        return self._target().row_losses(network(inputs), encoded)

    def _imitation(self, outputs: Tensor, others: Tensor) -> Tensor:
        return self._target().imitation(outputs, others)

    def _point(self, outputs: Tensor) -> Tensor:
        return self._target().mean(self.code_, outputs)

    def predict_distribution(self, X: Any) -> Distribution:  # noqa: N803
        """The law of each row's number; ValueError where the target has a point only."""
        found = self._target().distribution(self.code_, self._outputs(X))
        if found is None:
            raise ValueError(f"target={self._target()!r} predicts a point, not a law; take HLGauss(), or wrap in ConformalRegressor")
        return found
