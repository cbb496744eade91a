"""`SupReMixRegressor`: a contrastive encoder followed by a regressor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.utils.validation import check_is_fitted, validate_data

from foretell.numbers.bodies.mlp import MLP
from foretell.numbers.bodies.pretrained import Pretrained
from foretell.numbers.contrastive.linear_probe import LinearProbe
from foretell.numbers.estimators.supremix_encoder import SupReMixEncoder


@dataclass(eq=False, repr=False)
class SupReMixRegressor(RegressorMixin, BaseEstimator):
    """`SupReMixEncoder`, then a regressor on its outputs, fitted to the same rows.

    encoder: None is SupReMixEncoder(output="body"). regressor: any of scikit-learn's; None is a `LinearProbe`, by least absolute error as
    in the paper; take an `SGDRegressor` for tens of thousands of rows. A network regressor whose body is `Pretrained()` gets the rows
    themselves and continues from the encoder's layers: fine-tuning. random_state: of the encoder, where it has none of its own.

    Attributes: encoder_, regressor_, n_features_in_, feature_names_in_ (where columns have names). Errors: those of the encoder and the
    regressor.

    Wu et al., "Mixup Your Own Pairs", 2023: linear probing and fine-tuning.

    >>> X, y = np.random.RandomState(0).standard_normal((60, 3)), np.arange(60.0)
    >>> encoder = SupReMixEncoder(body=MLP((8,)), dimension=4, epochs=2)
    >>> SupReMixRegressor(encoder, random_state=0).fit(X, y).predict(X).shape
    (60,)
    """

    papers = ("supremix",)

    NAME: ClassVar[str] = "supremix-regressor"
    CHECKS_NOT_MET: ClassVar[dict[str, str]] = dict(SupReMixEncoder.CHECKS_NOT_MET)

    @classmethod
    def examples(cls) -> list[SupReMixRegressor]:
        """Small settings for checks."""
        return [cls(SupReMixEncoder(body=MLP((16,)), dimension=8, epochs=12, learning_rate=1e-2, output="body"), random_state=0)]

    encoder: Any = None
    regressor: Any = None
    random_state: Any = None

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> SupReMixRegressor:  # noqa: N803
        """Fit both to X (n, d) and y (n,). sample_weight: (n,), for both; the regressor must accept it."""
        encoder = SupReMixEncoder(output="body") if self.encoder is None else clone(self.encoder)
        if encoder.random_state is None:
            encoder.set_params(random_state=self.random_state)
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        self.encoder_ = encoder.fit(X, y, **weights)
        validate_data(self, X, skip_check_array=True)
        self.regressor_ = LinearProbe() if self.regressor is None else clone(self.regressor)
        if self._goes_on():
            self.regressor_.set_params(body=Pretrained(self.encoder_))
        self.regressor_.fit(self._seen(X), np.asarray(y, dtype=float).ravel(), **weights)
        return self

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """(n,) point estimates."""
        check_is_fitted(self, "regressor_")
        return self.regressor_.predict(self._seen(X))

    def _goes_on(self) -> bool:
        return isinstance(getattr(self.regressor_, "body", None), Pretrained)

    def _seen(self, X: Any) -> Any:  # noqa: N803
        """The inputs of the regressor."""
        return X if self._goes_on() else self.encoder_.transform(X)
