"""`Retrain`: fit again without the rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from sklearn.base import clone

from foretell.numbers.unlearning.base import ForgetRequest, UnlearningMethod


@dataclass(eq=False, repr=False)
class Retrain(UnlearningMethod):
    """Fits a clone to the retained rows: the reference ("gold") for the other methods, and the only one whose result never saw the rows.

    Needs: any regressor with `fit`. Cost: that of fitting. Random numbers follow the estimator's own `random_state` where it is an int, and
    the request's seed where it is None.
    """

    needs_network: ClassVar[bool] = False
    plainly: ClassVar[str] = "A new model was trained from the beginning without the rows to forget."

    def apply(self, estimator: Any, request: ForgetRequest) -> Any:
        fresh = clone(estimator)
        X, y, weight = request.retained  # noqa: N806
        unseeded = [key for key, value in fresh.get_params().items() if key.split("__")[-1] == "random_state" and value is None]
        fresh.set_params(**dict.fromkeys(unseeded, request.seed))
        fresh.fit(X, y) if weight is None else fresh.fit(X, y, sample_weight=weight)
        return fresh.set_params(**dict.fromkeys(unseeded))
