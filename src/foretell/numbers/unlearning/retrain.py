"""`Retrain`: fit anew without the rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from sklearn.base import clone

from foretell.numbers.unlearning.base import ForgetRequest, UnlearningMethod


@dataclass(eq=False, repr=False)
class Retrain(UnlearningMethod):
    """Fits a clone to the retained rows: the reference ("gold") that the other methods are compared with, and the only one whose
    result has never seen the rows.

    Needs: any regressor with `fit`. Cost: that of fitting. The random numbers are the estimator's own where its `random_state` is an
    int; otherwise they follow from the seed of the request.
    """

    needs_network: ClassVar[bool] = False
    plainly: ClassVar[str] = "A new model was trained from the beginning without the rows to forget."

    def apply(self, estimator: Any, request: ForgetRequest) -> Any:
        fresh = clone(estimator)
        X, y, weight = request.retained  # noqa: N806
        own = fresh.get_params().get("random_state", 0)
        if own is None:
            fresh.set_params(random_state=request.seed)
        fresh.fit(X, y) if weight is None else fresh.fit(X, y, sample_weight=weight)
        return fresh.set_params(random_state=None) if own is None else fresh
