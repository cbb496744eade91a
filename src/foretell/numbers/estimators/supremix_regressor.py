"""`SupReMixRegressor`: an ordered representation with a plain regressor on top."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import QuantileRegressor
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted, validate_data

from foretell.numbers.bodies.mlp import MLP
from foretell.numbers.estimators.supremix_encoder import SupReMixEncoder


def linear_probe() -> TransformedTargetRegressor:
    """A linear map with the least absolute error on standardised targets, slightly drawn towards few coefficients."""
    return TransformedTargetRegressor(QuantileRegressor(quantile=0.5, alpha=1e-4), transformer=StandardScaler())


@dataclass(eq=False, repr=False)
class SupReMixRegressor(RegressorMixin, BaseEstimator):
    """`SupReMixEncoder`, then a regressor on its embeddings, fitted to the same rows.

    encoder: None is SupReMixEncoder(). regressor: any of scikit-learn's; None is a linear map by least absolute error, as in the paper
    (exact, by linear programming: some seconds for thousands of rows; give an `SGDRegressor` for many more). random_state: of the
    encoder, where it has none of its own.

    Attributes: encoder_, regressor_, n_features_in_, feature_names_in_ (where columns have names).

    Wu et al., "Mixup Your Own Pairs", 2023, section 4 (linear probing). For fine-tuning, see `Pretrained`.

    >>> X, y = np.random.RandomState(0).standard_normal((60, 3)), np.arange(60.0)
    >>> encoder = SupReMixEncoder(body=MLP((8,)), dimension=4, epochs=2)
    >>> SupReMixRegressor(encoder, random_state=0).fit(X, y).predict(X).shape
    (60,)
    """

    CHECKS_NOT_MET: ClassVar[dict[str, str]] = dict(SupReMixEncoder.CHECKS_NOT_MET)

    @classmethod
    def examples(cls) -> list[SupReMixRegressor]:
        """Small settings for checks."""
        encoder = SupReMixEncoder(body=MLP((32,)), dimension=16, epochs=30, learning_rate=1e-2)
        return [cls(encoder, random_state=0)]

    encoder: Any = None
    regressor: Any = None
    random_state: Any = None

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> SupReMixRegressor:  # noqa: N803
        """Fit both to X (n, d) and y (n,). sample_weight: (n,), for both; the regressor must take it."""
        encoder = SupReMixEncoder() if self.encoder is None else clone(self.encoder)
        if encoder.random_state is None:
            encoder.set_params(random_state=self.random_state)
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        self.encoder_ = encoder.fit(X, y, **weights)
        validate_data(self, X, skip_check_array=True)
        self.regressor_ = linear_probe() if self.regressor is None else clone(self.regressor)
        self.regressor_.fit(self.encoder_.transform(X), np.asarray(y, dtype=float).ravel(), **weights)
        return self

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """(n,) point estimates."""
        check_is_fitted(self, "regressor_")
        return self.regressor_.predict(self.encoder_.transform(X))
