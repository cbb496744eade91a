"""Fits an estimator to a part of a table and measures it on the rest, beside baselines."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import RidgeCV
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from foretell.errors import UserError
from foretell.numbers.estimators.conformal_regressor import ConformalRegressor
from foretell.numbers.level import Level
from foretell.numbers.stacking.candidates import ALPHAS
from foretell.numbers.stacking.processor import one_core
from foretell.numbers.tables.table_encoder import TableEncoder
from foretell.numbers.tables.table_regressor import TableRegressor


@dataclass
class Trial:
    """model: fitted to the rows that were not held out. scores: by name, ours first, on the held-out rows (empty where there are none).
    truth, predicted: of those; interval (n, 2) where the model has one for `coverage`."""

    model: TableRegressor
    num_fitted: int
    scores: dict[str, dict[str, float]] = field(default_factory=dict)
    truth: np.ndarray = field(default_factory=lambda: np.zeros(0))
    predicted: np.ndarray = field(default_factory=lambda: np.zeros(0))
    interval: np.ndarray | None = None
    coverage: float = 0.9

    @property
    def covered(self) -> float | None:
        """The share of true values inside their intervals, or None."""
        if self.interval is None:
            return None
        return float(np.mean((self.truth >= self.interval[:, 0]) & (self.truth <= self.interval[:, 1])))

    @property
    def mean_width(self) -> float | None:
        """The mean width of the intervals, in the units of the target, or None."""
        return None if self.interval is None else float(np.mean(np.diff(self.interval)))


def measure(
    name: str,
    estimator: Any,
    encoder: TableEncoder,
    table: pd.DataFrame,
    target: pd.Series,
    test_share: float = 0.2,
    coverage: float | None = None,
    seed: int = 0,
) -> Trial:
    """Fit `estimator`, called `name`, and three baselines (ridge, boosting, the mean) to the same rows, on one core.

    encoder: of the columns. coverage: of intervals, for which the estimator is wrapped in `ConformalRegressor` unless its own are
    calibrated. test_share: share of rows held out; 0
    holds out none. Categories that only held-out rows have are ignored in measuring. seed: of the split.
    """
    clone(encoder).fit(table)  # so that errors name rows of the file, and not of a part of it
    kept, held = parted(len(table), test_share, seed)
    num_held = len(held)
    lenient = clone(encoder).set_params(unseen="ignore") if num_held else encoder
    inner = (
        estimator
        if coverage is None or getattr(estimator, "is_calibrated", False)
        else ConformalRegressor(estimator, coverage=coverage, random_state=seed)
    )
    with one_core():
        model = TableRegressor(inner, lenient).fit(table.iloc[kept], target.iloc[kept])
    trial = Trial(model, len(kept), coverage=coverage or 0.9)
    if num_held:
        rows, trial.truth = table.iloc[held], target.iloc[held].to_numpy(dtype=float)
        level, inside = Level.of(target.iloc[kept].to_numpy(dtype=float))
        with one_core():
            said = {name: model.predict(rows)}
            for called, baseline in baselines().items():
                said[called] = level.back(TableRegressor(baseline, lenient).fit(table.iloc[kept], inside).predict(rows))
        trial.scores = {called: {**scores(trial.truth, each), "± RMSE": noise(trial.truth, each)} for called, each in said.items()}
        trial.predicted = said[name]
        trial.interval = _interval(model, rows, trial.coverage)
    model.set_params(encoder=encoder)
    model.encoder_.unseen = encoder.unseen
    return trial


def baselines() -> dict[str, Any]:
    """What every model is shown beside: ridge, boosting with scikit-learn's settings, and the mean."""
    ridge = make_pipeline(StandardScaler(), RidgeCV(ALPHAS))
    return {"ridge": ridge, "boosting": HistGradientBoostingRegressor(random_state=0), "mean": DummyRegressor()}


def parted(num_rows: int, test_share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the rows to fit to and of those held out, the same for the same seed."""
    if not 0 <= test_share < 1:
        raise UserError(f"test_share={test_share!r} must be 0 or above and below 1")
    places = np.arange(num_rows)
    num_held = round(test_share * num_rows)
    if test_share and not 2 <= num_held <= num_rows - 2:
        raise UserError(
            f"test_share={test_share:g} of {num_rows} rows holds out {num_held}; hold out at least two and leave two, or none (0)"
        )
    if not num_held:
        return places, places[:0]
    kept, held = train_test_split(places, test_size=num_held, random_state=seed)
    return kept, held


def scores(truth: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """R2, RMSE and MAE of predictions (n,).

    >>> scores(np.array([0.0, 2.0]), np.array([1.0, 1.0]))
    {'R2': 0.0, 'RMSE': 1.0, 'MAE': 1.0}
    """
    unit = float(np.abs(truth).max()) or 1.0  # so that squares neither overflow nor vanish
    truth, predicted = truth / unit, predicted / unit
    errors = {"RMSE": root_mean_squared_error(truth, predicted), "MAE": mean_absolute_error(truth, predicted)}
    return {"R2": float(r2_score(truth, predicted)), **{name: float(value) * unit for name, value in errors.items()}}


def noise(truth: np.ndarray, predicted: np.ndarray) -> float:
    """The standard error of the RMSE of predictions (n,), from the spread of squared errors between rows.

    >>> float(noise(np.array([1.0, 2.0]), np.array([0.0, 3.0])))
    0.0
    """
    unit = float(np.abs(truth).max()) or 1.0
    squares = ((truth - predicted) / unit) ** 2
    root = float(np.sqrt(squares.mean()))
    return unit * float(squares.std(ddof=1)) / np.sqrt(len(squares)) / (2 * root) if root > 0 else 0.0


def _interval(model: TableRegressor, rows: pd.DataFrame, coverage: float) -> np.ndarray | None:
    if not hasattr(model, "predict_interval"):
        return None
    try:
        return model.predict_interval(rows, coverage)
    except ValueError:  # the setting predicts points only
        return None
