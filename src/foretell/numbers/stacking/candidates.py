"""The candidates that a stack fits where none are given: quick and good on small tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.interpolate import BSpline
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR
from sklearn.utils.validation import check_is_fitted, validate_data

#: Penalties of ridge regressions, of which leave-one-out errors choose one.
ALPHAS = np.logspace(-3, 4, 15)
#: A kernel machine's cost grows with the square of the rows.
MOST_KERNEL_ROWS = 4000
#: Processor seconds of the network: for importing torch, and for each row. It may take half of the budget.
NETWORK_SECONDS = (2.5, 0.008)
#: Logarithms are tried where the largest target is so many times the smallest, which must be above 0.
LEAST_RATIO = 5.0


def default_candidates(X: np.ndarray, y: np.ndarray, offset: float = 0.0, seconds: float | None = None) -> dict[str, Any]:  # noqa: N803
    """Regressors by name, the quickest first, for standardised targets y (n,). offset: what is to be added to y so that it is a multiple of
    the target. seconds: of processor time that there are, None for any number; a network is tried where they allow it."""
    leaf = min(max(len(X) // 40, 1), 10)
    found = {
        "ridge": make_pipeline(StandardScaler(), RidgeCV(ALPHAS)),
        "boosting": boosted(learning_rate=0.05, max_iter=200, max_leaf_nodes=15, min_samples_leaf=leaf),
        "splines": make_pipeline(StandardScaler(), Splines(), StandardScaler(), RidgeCV(ALPHAS)),
    }
    if len(X) <= MOST_KERNEL_ROWS:
        found["kernel"] = make_pipeline(StandardScaler(), SVR(C=3.0, epsilon=0.1))
        found["kernel, sharper"] = make_pipeline(StandardScaler(), SVR(C=10.0, epsilon=0.05))
    found["boosting, finer"] = boosted(learning_rate=0.08, max_iter=250, max_leaf_nodes=10, min_samples_leaf=min(leaf, 5), max_features=0.5)
    positive = y + offset
    if positive.min() > 0 and positive.max() > LEAST_RATIO * positive.min():
        for name in ("splines", "kernel"):
            if name in found:
                found[f"{name}, of logarithms"] = TransformedTargetRegressor(found[name], transformer=ShiftedLog(offset))
    importing, each = NETWORK_SECONDS
    if seconds is None or importing + each * len(X) <= seconds / 2:
        found["network"] = small_network()
    return found


def small_network() -> Any:
    """A network with numerical embeddings, quick enough to be fitted once a fold."""
    from foretell.numbers.bodies.mlp import MLP
    from foretell.numbers.bodies.periodic import Periodic
    from foretell.numbers.estimators.histogram_regressor import HistogramRegressor  # torch takes seconds to import
    from foretell.numbers.targets.mse import MSE

    body = Periodic(MLP((128, 128)), sigma=0.3)
    return HistogramRegressor(body=body, target=MSE(), learning_rate=3e-3, epochs=60, random_state=0)


def boosted(**settings: Any) -> HistGradientBoostingRegressor:
    """Boosting that is the same each time, and stops where it is told to."""
    return HistGradientBoostingRegressor(early_stopping=False, random_state=0, **settings)


@dataclass(eq=False, repr=False)
class Splines(TransformerMixin, BaseEstimator):
    """The columns, and beside each that has many values its cubic splines, which go on as straight lines outside.

    knots: of each column. State: columns_ (numbers of those with splines), knots_ (of each of these, with three more at either side):
    numbers only, so that it can be stored.

    >>> Splines().fit_transform(np.arange(20.0)[:, None]).shape
    (20, 7)
    """

    knots: int = 5

    def fit(self, X: Any, y: Any = None) -> Any:  # noqa: N803
        """Find the columns with many values, and their knots: quantiles, each once."""
        rows = validate_data(self, X, dtype=np.float64)
        self.columns_ = [place for place in range(rows.shape[1]) if len(np.unique(rows[:, place])) > 2 * self.knots]
        inner = [np.unique(np.quantile(rows[:, place], np.linspace(0, 1, self.knots))) for place in self.columns_]
        beyond = np.arange(1, 4)
        self.knots_ = [np.r_[t[0] - (t[1] - t[0]) * beyond[::-1], t, t[-1] + (t[-1] - t[-2]) * beyond] for t in inner]
        return self

    def transform(self, X: Any) -> np.ndarray:  # noqa: N803
        """(n, columns) float64."""
        check_is_fitted(self, "columns_")
        rows = validate_data(self, X, dtype=np.float64, reset=False)
        return np.hstack([rows, *(_cubic(rows[:, place], t) for place, t in zip(self.columns_, self.knots_, strict=True))])


def _cubic(x: np.ndarray, t: np.ndarray) -> np.ndarray:
    """(n, columns): cubic B-splines with knots t, without the last one, since all sum to 1; straight lines beyond the inner knots."""
    splines = BSpline(t, np.eye(len(t) - 4), 3)
    inside = np.clip(x, t[3], t[-4])
    return (splines(inside) + splines.derivative()(inside) * (x - inside)[:, None])[:, :-1]


@dataclass(eq=False, repr=False)
class ShiftedLog(TransformerMixin, BaseEstimator):
    """log(y + offset), and back; no further than fitted values reach by twice their range, since exponentials of guesses explode.

    State: low_, high_ (1,), of logarithms.
    """

    offset: float = 0.0

    def fit(self, X: Any, y: Any = None) -> Any:  # noqa: N803
        """Take the range."""
        logs = np.log(np.asarray(X) + self.offset)
        self.low_, self.high_ = 2 * logs.min(0) - logs.max(0), 2 * logs.max(0) - logs.min(0)
        return self

    def transform(self, X: Any) -> np.ndarray:  # noqa: N803
        """Logarithms."""
        return np.log(np.asarray(X) + self.offset)

    def inverse_transform(self, X: Any) -> np.ndarray:  # noqa: N803
        """Exponentials."""
        return np.exp(np.clip(X, self.low_, self.high_)) - self.offset
