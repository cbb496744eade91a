"""`GaussianAmnesiac`: train further with random numbers as the targets of rows to forget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from sklearn.utils import check_random_state

from foretell.numbers.unlearning.base import ForgetRequest, UnlearningMethod
from foretell.numbers.unlearning.training import train_further


@dataclass(eq=False, repr=False)
class GaussianAmnesiac(UnlearningMethod):
    """Gaussian fine-tuning: the targets of rows to forget are replaced by draws from the normal distribution with the mean and standard
    deviation of all training targets, drawn once, and the network is trained further on all rows by its own loss.

    epochs, learning_rate: passes over all rows and the rate, constant. freeze_norm_stats: running statistics of norm layers are used as
    they are.

    Needs: a `TorchRegressor`, with any target, since draws are encoded as targets are. Cost: `epochs` epochs. Errors: UserError for
    settings out of range.

    Tarun et al., "Deep Regression Unlearning" (ICML 2023). Departures: draws are clipped to the range of the training targets, since a
    histogram has no bins for others; AdamW with the estimator's weight decay instead of Adam.
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
        """The targets trained on, of the shape of y; each column has its own draws."""
        y = request.y.copy()
        draws = check_random_state(request.seed).normal(y.mean(axis=0), y.std(axis=0), size=y[request.forget].shape)
        y[request.forget] = np.clip(draws, request.y.min(axis=0), request.y.max(axis=0))
        return y
