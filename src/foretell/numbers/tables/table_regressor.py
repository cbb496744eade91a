"""`TableRegressor`: any regressor on a table with numbers and categories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin, clone
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, column_or_1d, has_fit_parameter

from foretell.errors import UserError
from foretell.numbers.estimators.stacked_regressor import StackedRegressor
from foretell.numbers.predictive_distribution import PredictiveDistribution
from foretell.numbers.tables.layout import TableLayout
from foretell.numbers.tables.table_encoder import TableEncoder


def _inner_has(method: str) -> Any:
    return available_if(lambda self: hasattr(getattr(self, "estimator_", self.estimator), method))


@dataclass(eq=False, repr=False)
class TableRegressor(MetaEstimatorMixin, RegressorMixin, BaseEstimator):
    """Encodes the columns (`TableEncoder`), fits the estimator, and predicts from tables with the same columns. `foretell fit` makes it.

    estimator: None is `StackedRegressor()`. encoder: None is `TableEncoder()`. State: encoder_, estimator_, target_name_ (where y has
    one), origin_ (how `foretell fit` made it: seed, test_share, and the layout of the file). Quantiles and intervals are available where
    the estimator has them. Errors: those of both.

    >>> import pandas as pd
    >>> from sklearn.linear_model import Ridge
    >>> table = pd.DataFrame({"size": [1.0, 2.0, 3.0], "colour": ["red", "blue", "red"]})
    >>> TableRegressor(Ridge(alpha=1e-9)).fit(table, [1.0, 3.0, 3.0]).predict(table).round(3).tolist()
    [1.0, 3.0, 3.0]
    """

    CHECKS_NOT_MET: ClassVar[dict[str, str]] = TableEncoder.CHECKS_NOT_MET

    estimator: Any = None
    encoder: Any = None

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:  # noqa: N803
        """Fit to a table X and numbers y (n,). sample_weight: (n,), handed to the estimator, which must take weights."""
        if y is None:
            raise UserError("TableRegressor requires y to be passed, but the target y is None")
        truth = column_or_1d(y, warn=True)
        self.encoder_ = clone(TableEncoder() if self.encoder is None else self.encoder).fit(X)
        self.n_features_in_ = self.encoder_.n_features_in_
        if hasattr(self.encoder_, "feature_names_in_"):
            self.feature_names_in_ = self.encoder_.feature_names_in_
        self.target_name_ = None if getattr(y, "name", None) is None else str(y.name)
        self.origin_: dict[str, Any] = {}
        inner = clone(StackedRegressor() if self.estimator is None else self.estimator)
        if sample_weight is not None and not has_fit_parameter(inner, "sample_weight"):
            raise UserError(f"TableRegressor: {type(inner).__name__} takes no sample_weight; leave it out, or take another estimator")
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        self.estimator_ = inner.fit(self._rows(X, inner), truth, **weights)
        return self

    @property
    def layout_(self) -> TableLayout:
        """How the file that it was fitted to writes its table; what is not known is None."""
        return TableLayout(**getattr(self, "origin_", {}).get("layout", {}))

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """(n,): the estimator's point predictions."""
        encoded = self._encoded(X)
        return self.estimator_.predict(encoded)

    @_inner_has("predict_distribution")
    def predict_distribution(self, X: Any) -> PredictiveDistribution:  # noqa: N803
        """The estimator's distribution of each row's number."""
        return self.estimator_.predict_distribution(self._encoded(X))

    @_inner_has("predict_interval")
    def predict_interval(self, X: Any, coverage: float = 0.9) -> np.ndarray:  # noqa: N803
        """(n, 2): the estimator's intervals."""
        return self.estimator_.predict_interval(self._encoded(X), coverage)

    @_inner_has("predict_quantile")
    def predict_quantile(self, X: Any, q: float | np.ndarray = 0.5) -> np.ndarray:  # noqa: N803
        """(n,) or (n, len(q)): the estimator's quantiles."""
        return self.estimator_.predict_quantile(self._encoded(X), q)

    def _encoded(self, X: Any) -> np.ndarray:  # noqa: N803
        check_is_fitted(self, "estimator_")
        return self._rows(X, self.estimator_)

    def _rows(self, X: Any, estimator: Any) -> Any:  # noqa: N803
        """The encoded rows, with the names of columns and levels for estimators whose messages name them."""
        rows = self.encoder_.transform(X)
        while hasattr(estimator, "estimator"):
            estimator = estimator.estimator
        return as_named(rows, self.encoder_) if getattr(estimator, "names_columns", False) else rows


def as_named(rows: np.ndarray, encoder: TableEncoder) -> Any:
    """A table of encoded rows, whose columns are called as in the table, and levels "column=level"."""
    import pandas as pd

    levels = encoder.encoder_.named_transformers_["words"].categories_ if encoder.words_ else []
    called = {f"{name}_{level}": f"{name}={level}" for name, known in zip(encoder.words_, levels, strict=True) for level in known}
    return pd.DataFrame(rows, columns=[called.get(str(name), str(name)) for name in encoder.get_feature_names_out()])
