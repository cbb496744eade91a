"""Conformity scores: how far a true value lies from a prediction, and the interval of all values with a score up to a bound."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone

from foretell.errors import UserError
from foretell.numbers.component import Component

#: What a score learnt from the rows that the estimator was fitted to: plain data and fitted estimators.
ScoreState = dict[str, Any]


@dataclass(eq=False, repr=False)
class Score(Component):
    """Abstract: a conformity score. It may depend on the fitted estimator in any way; the quantile of its values on held-out rows has the
    stated coverage all the same."""

    def fit(self, estimator: Any, X: Any, y: np.ndarray, coverage: float) -> ScoreState:  # noqa: N803
        """Learn from the rows that the estimator was fitted to: X, y (n,), and the coverage that was set."""
        return {}

    @abstractmethod
    def measure(self, state: ScoreState, estimator: Any, X: Any, y: np.ndarray) -> np.ndarray:  # noqa: N803
        """(n,): the scores of rows X with true values y (n,)."""

    @abstractmethod
    def interval(self, state: ScoreState, estimator: Any, X: Any, least: np.ndarray) -> np.ndarray:  # noqa: N803
        """(n, 2): the interval of values whose score is at most `least`, a scalar; (m, n, 2) for m scores (m, 1)."""


@dataclass(eq=False, repr=False)
class AbsoluteResidual(Score):
    """The residual |y - prediction|: intervals of the same width for all rows. Needs `predict`.

    Paper: Lei, G'Sell, Rinaldo, Tibshirani and Wasserman (2018), algorithm 2.
    """

    papers = ("distribution-free",)

    def measure(self, state: ScoreState, estimator: Any, X: Any, y: np.ndarray) -> np.ndarray:  # noqa: N803
        return np.abs(y - estimator.predict(X))

    def interval(self, state: ScoreState, estimator: Any, X: Any, least: np.ndarray) -> np.ndarray:  # noqa: N803
        middle = estimator.predict(X)
        return np.stack([middle - least, middle + least], axis=-1)


@dataclass(eq=False, repr=False)
class NormalisedResidual(Score):
    """The residual |y - prediction| divided by a spread, where a second model predicts the size of a row's residual: intervals are wide
    where the estimator errs most.

    spread: the regressor of the logarithm of absolute residuals, fitted to the same rows; None takes another one of the estimator's kind.
    Paper: Lei et al. (2018), section 5.2.
    """

    papers = ("distribution-free",)

    spread: Any = None

    def fit(self, estimator: Any, X: Any, y: np.ndarray, coverage: float) -> ScoreState:  # noqa: N803
        sizes = np.abs(y - estimator.predict(X))
        floor = 1e-3 * float(np.mean(sizes)) or 1.0  # a residual of 0 has no logarithm
        return {"spread": clone(estimator if self.spread is None else self.spread).fit(X, np.log(sizes + floor))}

    def measure(self, state: ScoreState, estimator: Any, X: Any, y: np.ndarray) -> np.ndarray:  # noqa: N803
        return np.abs(y - estimator.predict(X)) / self._spread(state, X)

    def interval(self, state: ScoreState, estimator: Any, X: Any, least: np.ndarray) -> np.ndarray:  # noqa: N803
        middle, half = estimator.predict(X), least * self._spread(state, X)
        return np.stack([middle - half, middle + half], axis=-1)

    def _spread(self, state: ScoreState, X: Any) -> np.ndarray:  # noqa: N803
        return np.exp(np.clip(state["spread"].predict(X), -50, 50))


@dataclass(eq=False, repr=False)
class QuantileBand(Score):
    """Conformalised quantile regression: the distance of y from the band between two predicted quantiles, negative inside. The quantile of
    the scores widens or narrows the band.

    lower, upper: regressors of the two quantiles, fitted to the same rows (such as scikit-learn's with `loss="quantile"`); None takes
    `predict_quantile` of the estimator, at (1 - coverage) / 2 and (1 + coverage) / 2 of the coverage set in fitting. A different coverage
    asked for later uses the same band. Errors: UserError for one of lower and upper alone, and for an estimator without quantiles. Paper:
    Romano, Patterson and Candès (2019), algorithm 1.
    """

    papers = ("quantile-band",)

    lower: Any = None
    upper: Any = None

    def fit(self, estimator: Any, X: Any, y: np.ndarray, coverage: float) -> ScoreState:  # noqa: N803
        if (self.lower is None) != (self.upper is None):
            raise UserError("QuantileBand: lower and upper belong together; give both regressors, or neither")
        if self.lower is not None:
            return {"ends": [clone(end).fit(X, y) for end in (self.lower, self.upper)]}
        if not hasattr(estimator, "predict_quantile"):
            raise UserError(
                f"QuantileBand: {type(estimator).__name__} has no predict_quantile; give lower= and upper=, or take AbsoluteResidual()"
            )
        return {"levels": [(1 - coverage) / 2, (1 + coverage) / 2]}

    def measure(self, state: ScoreState, estimator: Any, X: Any, y: np.ndarray) -> np.ndarray:  # noqa: N803
        low, high = self._band(state, estimator, X)
        return np.maximum(low - y, y - high)

    def interval(self, state: ScoreState, estimator: Any, X: Any, least: np.ndarray) -> np.ndarray:  # noqa: N803
        low, high = self._band(state, estimator, X)
        middle = (low + high) / 2
        return np.stack([np.minimum(low - least, middle), np.maximum(high + least, middle)], axis=-1)  # an empty band becomes a point

    def _band(self, state: ScoreState, estimator: Any, X: Any) -> tuple[np.ndarray, np.ndarray]:  # noqa: N803
        if "ends" in state:
            low, high = (end.predict(X) for end in state["ends"])
        else:
            low, high = estimator.predict_quantile(X, np.array(state["levels"])).T
        return low, high
