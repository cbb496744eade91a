"""`GaussianAmnesiac`: train further on random numbers in place of the targets that are to be forgotten."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from sklearn.utils import check_random_state

from foretell.numbers.unlearning.base import ForgetRequest, UnlearningMethod
from foretell.numbers.unlearning.training import train_further


@dataclass(eq=False, repr=False)
class GaussianAmnesiac(UnlearningMethod):
    """Gaussian fine-tuning: the targets of rows to forget are replaced by draws from the normal law with the mean and standard
    deviation of all training targets, drawn once, and the network is trained further on all rows by its own loss.

    epochs, learning_rate: passes over all rows and the rate, constant. freeze_norm_stats: running statistics of norm layers are used
    as they are.

    Needs: a `TorchRegressor`; draws pass through its encoder, so it may have any target. Cost: `epochs` epochs.

    Tarun et al., "Deep Regression Unlearning" (ICML 2023). Departures: draws are kept within the range of the training
    targets, since a histogram has no place for others; AdamW with the estimator's weight decay in place of Adam.
    """

    papers = ("regression-unlearning",)

    plainly: ClassVar[str] = (
        "The model was trained further on all rows, with random numbers in place of the true values of the rows to forget."
    )

    epochs: int = 1
    learning_rate: float = 1e-3
    freeze_norm_stats: bool = False

    def apply(self, estimator: Any, request: ForgetRequest) -> Any:
        self._check("epochs")
        train_further(
            estimator,
            estimator._rows(request.X, self.targets(request), request.sample_weight),
            estimator._batch_loss,
            epochs=self.epochs,
            learning_rate=self.learning_rate,
            seed=request.seed,
            freeze_norm_stats=self.freeze_norm_stats,
            name="Gaussian amnesiac",
        )
        return estimator

    def targets(self, request: ForgetRequest) -> np.ndarray:
        """(n,): the targets trained on."""
        y = request.y.copy()
        draws = check_random_state(request.seed).normal(y.mean(), y.std(), size=int(request.forget.sum()))
        y[request.forget] = np.clip(draws, request.y.min(), request.y.max())
        return y
