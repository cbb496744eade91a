"""`ConformalRegressor`: intervals with a coverage guarantee around any regressor."""

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
from foretell.numbers.conformal.distribution import ConformalDistribution, few_ranks
from foretell.numbers.conformal.quantile import check_coverage, conformal_quantile, needed_rows
from foretell.numbers.conformal.scores import AbsoluteResidual, NormalisedResidual, QuantileBand, Score
from foretell.numbers.distributional import DistributionalMixin
from foretell.parts import require


@dataclass(eq=False, repr=False)
class ConformalRegressor(DistributionalMixin, MetaEstimatorMixin, RegressorMixin, BaseEstimator):
    """Split conformal prediction: part of the rows is held out of fitting, and a quantile of their conformity scores sets the width of
    intervals.

    estimator: any regressor, None is `Ridge()`. conformity: `AbsoluteResidual()`, `NormalisedResidual()` or `QuantileBand()` (conformalised
    quantile regression); None takes `QuantileBand()` where the estimator predicts quantiles, `AbsoluteResidual()` elsewhere. coverage: of
    intervals, where none is asked for. calibration_share: share of the rows that is held out. prefit: the estimator is fitted already, on
    other rows, and all given rows are held out. rate: how fast the level adapts in `update`, 0 for not at all. random_state: which rows are
    held out.

    Guarantee: exact; for rows that are exchangeable with the n held-out rows, an interval holds the true value with probability coverage or
    more, and at most coverage + 1 / (n + 1) where scores have no ties. This holds on average over rows, not for each row. For a stream
    passed to `update` as it arrives, the share of misses approaches 1 - coverage for any series (see `AdaptiveLevel`).

    Needs: ceil(coverage / (1 - coverage)) held-out rows, 9 for 0.9. Cost: the estimator's, and one prediction of the held-out rows. State:
    estimator_, conformity_, conformity_state_, recent_ (n,) scores, scores_ the same sorted, level_. No sample weights: weighted rows are
    not exchangeable. Errors: UserError for too few rows, with the needed number, and for several target columns.

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
        """Small settings for checks, with coverages that need few rows."""
        return [cls(coverage=0.5, random_state=0), cls(Ridge(), NormalisedResidual(), coverage=0.4, random_state=0)]

    estimator: Any = None
    conformity: Any = None
    coverage: float = 0.9
    calibration_share: float = 0.25
    prefit: bool = False
    rate: float = 0.005
    random_state: Any = None

    def fit(self, X: Any, y: Any) -> Any:  # noqa: N803
        """Fit to a part of X (n, d), y (n,), and hold the rest out. X is passed to the estimator as it is, so that tables work too."""
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
            fitted = self.estimator
        else:
            fitted = clone(Ridge() if self.estimator is None else self.estimator).fit(_safe_indexing(X, kept), y[kept])
        seen = held if self.prefit else kept
        return self._around(fitted, (_safe_indexing(X, seen), y[seen]), (_safe_indexing(X, held), y[held]))

    def _around(self, fitted: Any, seen: tuple[Any, np.ndarray], held: tuple[Any, np.ndarray]) -> Any:
        """Intervals around a fitted estimator. seen: X and y that the spread is learnt from; held: X and y that set the width."""
        self.estimator_ = fitted
        self.conformity_ = self._score(held[0])
        self.conformity_state_ = self.conformity_.fit(fitted, *seen, self.coverage)
        self.recent_ = self.conformity_.measure(self.conformity_state_, fitted, *held)
        self.scores_, self.level_ = np.sort(self.recent_), np.array(1 - self.coverage)
        return self

    def update(self, X: Any, y: Any) -> Any:  # noqa: N803
        """Take in rows (k, d) with true values (k,) that arrived since, in order. Each is compared with its interval at the set coverage,
        which changes the level; its score replaces the oldest. The estimator is not changed."""
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
        """(n, 2): lower and upper end. coverage: None takes the setting."""
        check_is_fitted(self, "scores_")
        coverage = self.coverage if coverage is None else coverage
        check_coverage(self, coverage)
        if coverage == self.coverage:
            least = AdaptiveLevel(self.rate).least(self.scores_, self.level_)
        else:
            least = conformal_quantile(self.scores_, coverage)
        return self.conformity_.interval(self.conformity_state_, self.estimator_, X, least)

    def predict_distribution(self, X: Any) -> ConformalDistribution:  # noqa: N803
        """The distribution of each row's number whose central intervals are those of `predict_interval`, before any adaptation by `update`
        after which intervals of the set coverage differ."""
        check_is_fitted(self, "scores_")
        ranks = few_ranks(len(self.scores_))
        ends = self.conformity_.interval(self.conformity_state_, self.estimator_, X, self.scores_[ranks - 1][:, None])
        return ConformalDistribution(ends, ends[0].mean(axis=-1), len(self.scores_), ranks)

    @property
    def n_features_in_(self) -> int:
        """The estimator's."""
        return self._of_the_estimator("n_features_in_")

    @property
    def feature_names_in_(self) -> np.ndarray:
        """The estimator's."""
        return self._of_the_estimator("feature_names_in_")

    def _of_the_estimator(self, name: str) -> Any:
        """An attribute of the fitted estimator, which checks X; AttributeError before fitting, as scikit-learn expects."""
        if "estimator_" not in vars(self):
            raise AttributeError(f"{type(self).__name__} has no {name} before it is fitted")
        return getattr(self.estimator_, name)

    def _numbers(self, y: Any) -> np.ndarray:
        if y is None:
            raise UserError("ConformalRegressor requires y to be passed, but the target y is None")
        checked = check_array(y, ensure_2d=False, dtype="numeric", input_name="y")
        if checked.ndim == 2 and checked.shape[1] > 1:
            raise UserError(f"ConformalRegressor: y has {checked.shape[1]} columns, and intervals are of one target; fit one for each")
        return column_or_1d(checked, warn=True).astype(np.float64)

    def _split(self, num: int) -> tuple[np.ndarray, np.ndarray]:
        """Numbers of the rows to fit to, and of the held-out rows."""
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
        except (AttributeError, ValueError):  # it predicts points only
            return AbsoluteResidual()
        return QuantileBand()

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        inner = (Ridge() if self.estimator is None else self.estimator).__sklearn_tags__()
        tags.input_tags = inner.input_tags
        return tags
