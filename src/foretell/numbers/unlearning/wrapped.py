"""Unlearning inside estimators that wrap another one: what they hold is unlearned, and what they learnt themselves is learnt again."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.utils import _safe_indexing

from foretell.errors import UserError
from foretell.numbers.conformal.quantile import needed_rows
from foretell.numbers.estimators.conformal_regressor import ConformalRegressor
from foretell.numbers.tables.table_regressor import TableRegressor
from foretell.numbers.unlearning.rows import forget_mask

#: The estimators in which another one is unlearned.
WRAPPERS = (TableRegressor, ConformalRegressor)

#: (fitted estimator, X, y, forget) -> the estimator without these rows.
Inner = Callable[[Any, Any, Any, Any], Any]


def unlearn_inside(estimator: Any, X: Any, y: Any, forget: Any, inner: Inner) -> Any:  # noqa: N803
    """A copy of the fitted wrapper around the unlearned estimator. X, y, forget: as `unlearn` takes them."""
    mask = forget_mask(forget, len(y))
    return (_in_table if isinstance(estimator, TableRegressor) else _in_conformal)(copy.deepcopy(estimator), X, y, mask, inner)


def innermost(estimator: Any) -> Any:
    """What the wrappers hold: the estimator that methods work on."""
    while isinstance(estimator, WRAPPERS):
        estimator = estimator.estimator_
    return estimator


def _in_table(estimator: TableRegressor, X: Any, y: Any, mask: np.ndarray, inner: Inner) -> TableRegressor:  # noqa: N803
    """Categories and averages of the encoder stay as they are."""
    estimator.estimator_ = inner(estimator.estimator_, estimator.encoder_.transform(X), y, mask)
    return estimator


def _in_conformal(estimator: ConformalRegressor, X: Any, y: Any, mask: np.ndarray, inner: Inner) -> ConformalRegressor:  # noqa: N803
    """The held-out rows that stay give the width of intervals around the unlearned estimator."""
    kept, held = estimator._split(len(y))
    truth = np.asarray(y, dtype=np.float64).ravel()
    scores = estimator.conformity_.measure(estimator.conformity_state_, estimator.estimator_, _safe_indexing(X, held), truth[held])
    if estimator.prefit or not (len(scores) == len(estimator.recent_) and np.allclose(scores, estimator.recent_)):
        why = "prefit=True" if estimator.prefit else f"random_state={estimator.random_state!r}, or other rows, or rows that came by update"
        raise UserError(
            f"ConformalRegressor: which rows it was fitted to, and which it held out, cannot be told again ({why}); unlearn its estimator "
            "and wrap that anew, or take method='retrain'"
        )
    stay = held[~mask[held]]
    if len(stay) < needed_rows(estimator.coverage):
        raise UserError(
            f"forget leaves {len(stay)} held-out rows, and coverage={estimator.coverage:g} needs {needed_rows(estimator.coverage)}; "
            "forget fewer rows, or take method='retrain'"
        )
    fitted = estimator.estimator_
    if mask[kept].any():
        fitted = inner(fitted, _safe_indexing(X, kept), truth[kept], mask[kept])
    left = kept[~mask[kept]]
    return estimator._around(fitted, (_safe_indexing(X, left), truth[left]), (_safe_indexing(X, stay), truth[stay]))
