"""`ConformalRegressor`: intervals that hold as many true values as they say, around any regressor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin, clone
from sklearn.linear_model import Ridge
from sklearn.utils import _safe_indexing, check_array, check_random_state
from sklearn.utils.validation import _num_samples, check_is_fitted, column_or_1d, indexable

from foretell.errors import UserError
from foretell.numbers.conformal.adaptive import AdaptiveLevel
from foretell.numbers.conformal.quantile import check_coverage, conformal_quantile, needed_rows
from foretell.numbers.conformal.scores import AbsoluteResidual, NormalisedResidual, QuantileBand, Score
from foretell.parts import require


@dataclass(eq=False, repr=False)
class ConformalRegressor(MetaEstimatorMixin, RegressorMixin, BaseEstimator):
    """Split conformal prediction: part of the rows is held out of fitting, and the quantile of their conformity scores says how wide
    intervals must be.

    estimator: any regressor, None is `Ridge()`. conformity: `AbsoluteResidual()`, `NormalisedResidual()` or `QuantileBand()` (conformalised
    quantile regression); None takes `QuantileBand()` where the estimator predicts quantiles, `AbsoluteResidual()` elsewhere. coverage:
    of intervals, where none is asked for. calibration_share: of the rows, held out. prefit: the estimator is fitted already, on other
    rows, and all rows given are held out. rate: how fast the level adapts in `update`, 0 for not. random_state: which rows are held out.

    Guarantee: exact; for rows that are exchangeable with those held out, an interval holds the true value with probability coverage or
    more, and coverage + 1 / (n + 1) or less where scores have no ties; n rows held out. It is a promise for all rows together, not for
    each. Of a stream, given to `update` as it comes, the share missed approaches 1 - coverage whatever comes (see `AdaptiveLevel`).
    Needs: ceil(coverage / (1 - coverage)) rows held out, 9 for 0.9. Cost: as the estimator's, and one prediction of the rows held out.
    State: estimator_, conformity_, conformity_state_, recent_ (n,) scores, scores_ the same sorted, level_. No sample weights: rows that
    count differently are not exchangeable. Errors: ValueError for too few rows, with how many it takes.

    Paper: Lei et al. (2018), Distribution-free predictive inference for regression; Romano et al. (2019), Conformalized quantile
    regression; Gibbs and Candès (2021), Adaptive conformal inference under distribution shift. Departure: one band serves all coverages,
    see `QuantileBand`.

    >>> rng = np.random.RandomState(0)
    >>> x = rng.uniform(size=(400, 1))
    >>> y = x[:, 0] + rng.normal(size=400)
    >>> interval = ConformalRegressor(coverage=0.8, random_state=0).fit(x[:200], y[:200]).predict_interval(x[200:])
    >>> bool(0.7 < np.mean((interval[:, 0] <= y[200:]) & (y[200:] <= interval[:, 1])) < 0.9)
    True
    """

    papers = ("distribution-free", "quantile-band", "adaptive-conformal")

    CHECKS_NOT_MET: ClassVar[dict[str, str]] = {}

    @classmethod
    def examples(cls) -> list[ConformalRegressor]:
        """Coverages that few rows suffice for."""
        return [cls(coverage=0.5, random_state=0), cls(Ridge(), NormalisedResidual(), coverage=0.4, random_state=0)]

    estimator: Any = None
    conformity: Any = None
    coverage: float = 0.9
    calibration_share: float = 0.25
    prefit: bool = False
    rate: float = 0.005
    random_state: Any = None

    def fit(self, X: Any, y: Any) -> Any:  # noqa: N803
        """Fit to a part of X (n, d), y (n,), and hold the rest out; X goes to the estimator as it is, a table too."""
        check_coverage(self, self.coverage)
        require(0 < self.calibration_share < 1, self, "calibration_share", self.calibration_share, "must lie between 0 and 1")
        require(
            self.conformity is None or isinstance(self.conformity, Score),
            self,
            "conformity",
            self.conformity,
            "must be a score such as QuantileBand()",
        )
        y = self._numbers(y)
        X, y = indexable(X, y)  # noqa: N806
        kept, held = self._split(_num_samples(X))
        if self.prefit:
            check_is_fitted(self.estimator)
            self.estimator_ = self.estimator
        else:
            self.estimator_ = clone(Ridge() if self.estimator is None else self.estimator).fit(_safe_indexing(X, kept), y[kept])
        X_held = _safe_indexing(X, held)  # noqa: N806
        score = self._score(X_held)
        fitted_to = held if self.prefit else kept
        self.conformity_ = score
        self.conformity_state_ = score.fit(self.estimator_, _safe_indexing(X, fitted_to), y[fitted_to], self.coverage)
        self.recent_ = score.measure(self.conformity_state_, self.estimator_, X_held, y[held])
        self.scores_, self.level_ = np.sort(self.recent_), np.array(1 - self.coverage)
        return self

    def update(self, X: Any, y: Any) -> Any:  # noqa: N803
        """Rows (k, d) whose true values have come since, in their order: each is held against its interval of the set coverage, which
        moves the level, and its score takes the place of the oldest. The estimator stays as it is."""
        check_is_fitted(self, "scores_")
        y = self._numbers(y)
        X, y = indexable(X, y)  # noqa: N806
        for score in self.conformity_.measure(self.conformity_state_, self.estimator_, X, y):
            self.recent_, self.level_ = AdaptiveLevel(self.rate).observe(self.recent_, self.level_, np.array(score), self.coverage)
        self.scores_ = np.sort(self.recent_)
        return self

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """(n,): the estimator's own prediction."""
        check_is_fitted(self, "scores_")
        return self.estimator_.predict(X)

    def predict_interval(self, X: Any, coverage: float | None = None) -> np.ndarray:  # noqa: N803
        """(n, 2): the lower and upper end. coverage: None takes the setting."""
        check_is_fitted(self, "scores_")
        coverage = self.coverage if coverage is None else coverage
        check_coverage(self, coverage)
        if coverage == self.coverage:
            least = AdaptiveLevel(self.rate).least(self.scores_, self.level_)
        else:
            least = conformal_quantile(self.scores_, coverage)
        return self.conformity_.interval(self.conformity_state_, self.estimator_, X, least)

    @property
    def n_features_in_(self) -> int:
        return self._of_the_estimator("n_features_in_")

    @property
    def feature_names_in_(self) -> np.ndarray:
        return self._of_the_estimator("feature_names_in_")

    def _of_the_estimator(self, name: str) -> Any:
        """X goes through unchecked, so the estimator knows its columns; AttributeError before fitting, as scikit-learn has it."""
        if "estimator_" not in vars(self):
            raise AttributeError(f"{type(self).__name__} has no {name} before it is fitted")
        return getattr(self.estimator_, name)

    def _numbers(self, y: Any) -> np.ndarray:
        if y is None:
            raise UserError("ConformalRegressor requires y to be passed, but the target y is None")
        return column_or_1d(check_array(y, ensure_2d=False, dtype="numeric", input_name="y"), warn=True).astype(np.float64)

    def _split(self, num: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows to fit to, and rows held out."""
        num_held = num if self.prefit else round(self.calibration_share * num)
        least = needed_rows(self.coverage)
        if num_held < least or (num - num_held < 1 and not self.prefit):
            share = 1.0 if self.prefit else self.calibration_share
            raise UserError(
                f"ConformalRegressor: {num_held} rows of n_samples={num} held out are too few for coverage={self.coverage:g}, which needs "
                f"{least}; give at least {int(np.ceil(least / share)) + (not self.prefit)} rows, or change calibration_share or coverage"
            )
        order = check_random_state(self.random_state).permutation(num)
        return np.sort(order[num_held:]), np.sort(order[:num_held])

    def _score(self, X: Any) -> Score:  # noqa: N803
        if self.conformity is not None:
            return self.conformity
        try:
            self.estimator_.predict_quantile(_safe_indexing(X, [0]), 0.5)
        except (AttributeError, ValueError):  # a point is all it predicts
            return AbsoluteResidual()
        return QuantileBand()

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        inner = (Ridge() if self.estimator is None else self.estimator).__sklearn_tags__()
        tags.input_tags = inner.input_tags
        return tags
