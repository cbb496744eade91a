"""`StackedRegressor`: ridge, splines, kernels and boosting, mixed by cross-validation, with calibrated distributions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from foretell.numbers.distributional import DistributionalMixin
from foretell.numbers.level import Level
from foretell.numbers.location_scale import LocationScale
from foretell.numbers.stacking.candidates import default_candidates
from foretell.numbers.stacking.error_distribution import histogram_of, sizes_of_errors
from foretell.numbers.stacking.out_of_fold import out_of_fold, stack_weights
from foretell.numbers.stacking.processor import one_core
from foretell.parts import require

#: Folds by the number of cells: with so many cells or fewer. The more rows, the less a fold's models miss.
FOLDS = {100_000: 5, 1_000_000: 3}
#: Candidates with less weight are not kept.
LEAST_WEIGHT = 0.01


@dataclass(eq=False, repr=False)
class StackedRegressor(DistributionalMixin, RegressorMixin, BaseEstimator):
    """Candidates of several kinds are fitted to all folds of the rows but one in turn. Their predictions of the rows that they did not see
    are mixed with the weights, 0 or above, that fit best (stacking), and the errors of this mixture make the distribution of a new row:
    around its prediction, and as wide as errors in rows like it.

    candidates: regressors by name, None for `default_candidates`: ridge, splines, kernel machines, boosting, some of logarithms, and a
    network where the time allows it (for 300 rows, 10 seconds). folds: how many; None is 5, 3 above 100,000 cells and 2 above a million.
    time_budget: seconds of processor time for the candidates, None for no
    limit; those that would exceed it are left out, but the first two (ridge and boosting) never are. random_state: of the folds.

    Guarantee: bounded; errors of new rows come from models like those whose errors were kept (cross-conformal prediction), so central
    intervals of coverage c hold about c of the true values of exchangeable rows, and never much less than 2 c - 1. No rows are lost to
    calibration. Cost: folds times the candidates', on one core; prediction runs all kept models. State: models_ (by name, one a fold),
    weights_, errors_ (edges and masses), sizes_ (models of the size of errors), level_, report_ (by name: RMSE of unseen rows, weight;
    left_out: names). Errors: UserError for settings out of range; ValueError for several target columns.

    Paper: Wolpert, "Stacked generalization", 1992; Breiman, "Stacked regressions", 1996; Vovk, "Cross-conformal predictors", 2015.
    Departures: a small pull towards equal weights; the models of the folds are kept and averaged, not fitted again; errors are divided by
    a predicted size where that pays.

    >>> x = np.linspace(-1, 1, 120)[:, None]
    >>> model = StackedRegressor(random_state=0).fit(x, np.sin(3 * x[:, 0]))
    >>> bool(model.score(x, np.sin(3 * x[:, 0])) > 0.99), model.predict_interval(x[:2], 0.9).shape
    (True, (2, 2))
    """

    papers = ("stacking", "cross-conformal")

    #: Its intervals need no `ConformalRegressor` around it.
    is_calibrated: ClassVar[bool] = True
    CHECKS_NOT_MET: ClassVar[dict[str, str]] = {
        "check_sample_weight_equivalence_on_dense_data": "folds of repeated rows are other folds than those of weighted rows",
    }

    candidates: Any = None
    folds: int | None = None
    time_budget: float | None = 5.0
    random_state: Any = None

    @classmethod
    def examples(cls) -> list[StackedRegressor]:
        """Small candidates for checks."""
        few = {"ridge": Ridge(), "boosting": HistGradientBoostingRegressor(max_iter=8, min_samples_leaf=3, random_state=0)}
        return [cls(few, folds=3, time_budget=None, random_state=0)]

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:  # noqa: N803
        """Fit to X (n, d) and y (n,). sample_weight: (n,), 0 leaves a row out."""
        require(self.folds is None or self.folds >= 2, self, "folds", self.folds, "must be 2 or more, or None")
        require(self.time_budget is None or self.time_budget > 0, self, "time_budget", self.time_budget, "must be above 0, or None")
        rows, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True, ensure_min_samples=2)
        weight = None if sample_weight is None else _check_sample_weight(sample_weight, rows, ensure_non_negative=True)
        if weight is not None:
            rows, y, weight = rows[weight > 0], y[weight > 0], weight[weight > 0]
            require(len(y) >= 2, self, "sample_weight", "...", "must be above 0 for two rows or more")
        level, targets = Level.of(np.asarray(y, dtype=np.float64), weight)
        candidates = self.candidates or default_candidates(rows, targets, level.offset, self.time_budget)
        require(isinstance(candidates, Mapping), self, "candidates", self.candidates, "must be a dict of regressors by name")
        num = self.folds or next((folds for most, folds in FOLDS.items() if rows.size <= most), 2)
        seed = check_random_state(self.random_state).randint(2**31 - 1)
        folds = list(KFold(min(num, len(y)), shuffle=True, random_state=seed).split(rows))
        with one_core():
            found = out_of_fold(candidates, rows, targets, folds, weight, self.time_budget)
            self._mix(found.models, found.said, rows, targets, folds, weight)
        self.level_ = (level.centre, level.scale)
        self.report_["left_out"] = found.left_out
        return self

    def _mix(self, models: Any, said: Any, rows: Any, targets: Any, folds: Any, weight: Any) -> None:
        reach = np.ptp(targets)
        self.reach_ = (float(targets.min() - reach), float(targets.max() + reach))
        parts = np.stack([np.clip(each, *self.reach_) for each in said.values()], axis=1)
        shares = stack_weights(parts, targets, weight)
        shares = np.where(shares < LEAST_WEIGHT, 0.0, shares) / shares[shares >= LEAST_WEIGHT].sum()
        errors = targets - parts @ shares
        self.weights_ = {name: float(share) for name, share in zip(models, shares, strict=True) if share > 0}
        self.models_ = {name: models[name] for name in self.weights_}
        self.sizes_, sizes = sizes_of_errors(rows, errors, folds)
        found = histogram_of(errors / sizes)
        self.errors_ = {"edges": found.edges, "masses": found.masses}
        of = [float(np.sqrt(np.average((targets - part) ** 2, weights=weight))) for part in parts.T]
        self.report_: dict[str, Any] = {
            "candidates": {name: {"error": each, "weight": self.weights_.get(name, 0.0)} for name, each in zip(models, of)}
        }

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """(n,): the mixture's predictions."""
        rows = self._checked(X)
        return self._level().back(self._standardised(rows))

    def predict_distribution(self, X: Any) -> LocationScale:  # noqa: N803
        """The distribution of each row's number: its prediction, and an error like those of rows that were not seen."""
        rows = self._checked(X)
        centre, sizes = self._standardised(rows), np.ones(len(rows))
        if self.sizes_:
            with one_core():
                sizes = np.exp(np.mean([model.predict(rows) for model in self.sizes_], axis=0))
        level = self._level()
        return LocationScale(self._errors(), level.back(centre), sizes * level.scale)

    def _errors(self) -> Any:
        from foretell.numbers.distributions import Histogram

        return Histogram(self.errors_["edges"], self.errors_["masses"])

    def _level(self) -> Level:
        return Level(*self.level_)

    def _checked(self, X: Any) -> np.ndarray:  # noqa: N803
        check_is_fitted(self, "weights_")
        return validate_data(self, X, dtype=np.float64, reset=False)

    def _standardised(self, rows: np.ndarray) -> np.ndarray:
        with one_core():
            of = {
                name: np.mean([np.clip(model.predict(rows), *self.reach_) for model in each], axis=0) for name, each in self.models_.items()
            }
        return np.sum([self.weights_[name] * each for name, each in of.items()], axis=0)
