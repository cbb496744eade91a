"""`TorchRegressor`: base of regressors with a network."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from sklearn.base import RegressorMixin
from torch import Tensor

from foretell.numbers.torch_estimator import TorchEstimator


@dataclass(eq=False, repr=False)
class TorchRegressor(RegressorMixin, TorchEstimator):
    """Abstract: a `TorchEstimator` whose network predicts numbers. Settings and attributes are those of `TorchEstimator`."""

    #: Beginnings of the names of modules that run on parts of a batch, so that their activations cannot be matched row by row.
    in_parts: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def _point(self, outputs: Tensor) -> Tensor:
        """Point predictions from the network's outputs, (n,) or (n, k) for several targets, differentiable, in the units of y."""

    def _network_targets(self, X: np.ndarray, y: np.ndarray) -> np.ndarray:  # noqa: N803
        """What of the targets y the fitted network is asked for, in checked rows X: all of them, unless a subclass takes a part off."""
        return y

    def _targets_without(self, X: np.ndarray, y: np.ndarray, forget: np.ndarray, sample_weight: np.ndarray | None) -> np.ndarray:  # noqa: N803
        """Fit what is solved in closed form again, without the rows `forget` (n,) bool, and return what the network is asked for in all
        checked rows X."""
        return self._network_targets(X, y)

    def _imitation(self, outputs: Tensor, others: Tensor) -> Tensor:
        """The distance of outputs to those of another network for the same rows, (n,), differentiable. Unlearning minimises it."""
        return (outputs - others).abs().flatten(1).mean(dim=1)

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """Point predictions, (n,), or (n, k) where y had k columns, in the units of y. X: as in `fit`."""
        return self._point(self._outputs(X)).double().numpy()
