"""`unlearn`: a new estimator without the influence of some training rows."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils import _safe_indexing, check_array, check_consistent_length, check_random_state, column_or_1d
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from foretell.catalog import find, parts
from foretell.errors import UserError
from foretell.numbers.estimators.conformal_regressor import ConformalRegressor
from foretell.numbers.torch_regressor import TorchRegressor
from foretell.numbers.unlearning.base import ForgetRequest, UnlearningMethod
from foretell.numbers.unlearning.blindspot import Blindspot
from foretell.numbers.unlearning.rows import fingerprints, forget_mask
from foretell.numbers.unlearning.wrapped import WRAPPERS, unlearn_inside


def unlearn(
    estimator: Any,
    X: Any,  # noqa: N803
    y: Any,
    forget: Any,
    method: UnlearningMethod | str | None = None,
    *,
    random_state: Any = None,
    sample_weight: Any = None,
    trained_on: np.ndarray | None = None,
) -> Any:
    """A new estimator of the same class, from which the influence of some rows is removed: approximately, unless the method is `Retrain`.
    The given estimator is not changed.

    X (n, d), y (n,) or (n, k): all rows that the estimator was trained on, those to forget and those to retain. forget: a boolean mask (n,)
    or row numbers. method: `Blindspot()` by default; others by object or name ("fine-tune", "gaussian-amnesiac", "retrain"). random_state:
    an int gives identical weights again. sample_weight: as in fitting. trained_on: `fingerprints(X, y)` kept from fitting; then rows to
    forget that are not among them are refused. Estimators do not store them, since they reveal who was in the training data.

    Needs: `Retrain` takes any fitted regressor; the others train a network further and take a `TorchRegressor` fitted to a table, or a
    `TableRegressor` or `ConformalRegressor` that holds one. What is solved in closed form (a linear part, the width of conformal intervals)
    is solved again without the rows; encoders and scales are not changed. Errors: UserError for other estimators, for structured inputs,
    and for rows that do not fit. A warning where X cannot be all the training rows.
    """
    chosen = _method(method)
    if chosen.needs_network and isinstance(estimator, WRAPPERS):

        def inner(estimator: Any, X: Any, y: Any, forget: Any) -> Any:  # noqa: N803
            return unlearn(estimator, X, y, forget, chosen, random_state=random_state, sample_weight=sample_weight, trained_on=trained_on)

        check_is_fitted(estimator)
        if sample_weight is not None and isinstance(estimator, ConformalRegressor):
            raise UserError("sample_weight: ConformalRegressor is fitted without weights; leave them out")
        return unlearn_inside(estimator, X, y, forget, inner)
    _check_estimator(estimator, chosen)
    table, rows, target = X, *_rows(estimator, X, y)
    mask = forget_mask(forget, len(target))
    if trained_on is not None:
        strangers = np.flatnonzero(mask & ~np.isin(fingerprints(X, y), trained_on))
        if len(strangers):
            raise UserError(
                f"forget={strangers[:5].tolist()}: the estimator was not trained on {len(strangers)} of these rows; leave them out"
            )
    weight = None if sample_weight is None else _check_sample_weight(sample_weight, rows, dtype=np.float64, ensure_non_negative=True)
    if weight is not None and (weight == 0).any():  # as in fitting: a row without weight is as good as absent
        some = np.flatnonzero(weight > 0)
        return unlearn(
            estimator,
            _safe_indexing(X, some),
            target[some],
            forget_mask(mask[some], len(some)),
            chosen,
            random_state=random_state,
            sample_weight=weight[some],
        )
    if isinstance(estimator, TorchRegressor):
        _warn_of_other_rows(estimator, rows, weight)
    # The second draw: fitting takes the first for its weights, and a blind network must not begin where the estimator did.
    seed = int(check_random_state(random_state).randint(np.iinfo(np.int32).max, size=2)[1])
    own = copy.deepcopy(estimator)
    if not chosen.needs_network:
        return chosen.apply(own, ForgetRequest(table, target, mask, weight, seed))
    return chosen.apply(own, ForgetRequest(rows, own._targets_without(rows, target, mask, weight), mask, weight, seed))


def method_named(name: str) -> UnlearningMethod:
    """The method of that name with default settings; UnknownNameError with the nearest name otherwise."""
    return find(name, "unlearning-method").load()()  # type: ignore[no-any-return]


def _method(method: UnlearningMethod | str | None) -> UnlearningMethod:
    if isinstance(method, str):
        return method_named(method)
    if method is not None and not isinstance(method, UnlearningMethod):
        raise UserError(f"method={method!r} must be an unlearning method such as Blindspot(), or a name such as 'blindspot'")
    return Blindspot() if method is None else method


def _check_estimator(estimator: Any, method: UnlearningMethod) -> None:
    kind = type(estimator).__name__
    if isinstance(estimator, type):
        raise UserError(f"estimator={estimator.__name__} is a class; give a fitted object")
    if is_classifier(estimator):
        raise UserError(f"estimator={kind} is a classifier; unlearning here is for regressors")
    if method.needs_network and not isinstance(estimator, TorchRegressor):
        others = [name for name, cls in parts("unlearning-method").items() if not cls.needs_network]
        raise UserError(
            f"estimator={kind} has no network that {type(method).__name__} could train further (it needs a TorchRegressor); "
            f"for any other regressor there is method={' or '.join(map(repr, others))}"
        )
    check_is_fitted(estimator)


def _warn_of_other_rows(estimator: TorchRegressor, rows: np.ndarray, weight: np.ndarray | None) -> None:
    away = np.abs(np.average(rows, axis=0, weights=weight) - estimator.mean_) / estimator.scale_
    if away.max() > 1e-6:
        warnings.warn(
            f"column {int(away.argmax())} of X has another mean than in fitting, so X is not all that the estimator was trained on; "
            "give all of them (after an earlier unlearning: all but the rows forgotten then, and this warning is in order)",
            stacklevel=3,
        )


def _rows(estimator: Any, X: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:  # noqa: N803
    if X is None or y is None:
        raise UserError("X and y must be all rows that the estimator was trained on: methods need those that stay as well")
    is_network = isinstance(estimator, TorchRegressor)
    if is_network and hasattr(estimator, "input_spec_"):
        name = type(estimator).__name__
        raise UserError(f"unlearn: {name} was fitted to structured inputs, and rows are taken out of tables only; fit it anew without them")
    rows = estimator._checked(X) if is_network else check_array(X, dtype=None, ensure_all_finite=False)
    several = is_network and estimator.n_outputs_ > 1
    target = np.asarray(y if several else column_or_1d(y, warn=True), dtype=np.float64)
    if several and target.shape[1:] != (estimator.n_outputs_,):
        raise UserError(f"y has the shape {target.shape}, but the estimator was fitted to {estimator.n_outputs_} columns")
    check_consistent_length(rows, target)
    bad = np.flatnonzero(~np.isfinite(target).reshape(len(target), -1).all(axis=1))
    if len(bad):
        raise UserError(f"y holds NaN or infinity in row {bad[0]}")
    return rows, target
