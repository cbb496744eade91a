"""`TorchRegressor`: an estimator whose network says a number."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from torch import Tensor

from foretell.numbers.torch_estimator import TorchEstimator


@dataclass(eq=False, repr=False)
class TorchRegressor(RegressorMixin, TorchEstimator):
    """Abstract: a network whose outputs say a number. Settings and attributes are those of `TorchEstimator`."""

    @abstractmethod
    def _point(self, outputs: Tensor) -> Tensor:
        """The numbers that the network's outputs say, (n,) or (n, k) of several targets, differentiable, in the units of y."""

    def _imitation(self, outputs: Tensor, others: Tensor) -> Tensor:
        """How far outputs lie from those of another network for the same rows, (n,), differentiable: what unlearning matches by."""
        return (outputs - others).abs().flatten(1).mean(dim=1)

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """Point estimates, (n,), or (n, k) where y had k columns; in the units of y."""
        return self._point(self._outputs(X)).double().numpy()
