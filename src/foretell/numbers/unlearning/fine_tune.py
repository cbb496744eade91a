"""`FineTune`: train further on the retained rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from foretell.numbers.unlearning.base import ForgetRequest, UnlearningMethod
from foretell.numbers.unlearning.training import train_further


@dataclass(eq=False, repr=False)
class FineTune(UnlearningMethod):
    """Trains on the retained rows only, by the estimator's own loss: the weakest method, a baseline for the others.

    epochs, learning_rate: passes over the retained rows and the rate, constant. freeze_norm_stats: running statistics of norm layers are
    used as they are.

    Needs: a `TorchRegressor`. Cost: `epochs` epochs. Errors: UserError for settings out of range. The baseline of Tarun et al., "Deep
    Regression Unlearning" (ICML 2023). Departure: AdamW with the estimator's weight decay instead of Adam.
    """

    papers = ("regression-unlearning",)

    plainly: ClassVar[str] = "The model was trained further on the rows that stay, so that the others lose influence."

    epochs: int = 5
    learning_rate: float = 1e-3
    freeze_norm_stats: bool = False

    def apply(self, estimator: Any, request: ForgetRequest) -> Any:
        self._check("epochs")
        train_further(
            estimator,
            estimator._rows(*request.retained),
            estimator._batch_loss,
            epochs=self.epochs,
            learning_rate=self.learning_rate,
            seed=request.seed,
            freeze_norm_stats=self.freeze_norm_stats,
            name="fine-tuning",
        )
        return estimator
