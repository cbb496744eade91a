"""Fits regressors to all folds but one in turn, and keeps what each says about the fold that it did not see."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import has_fit_parameter

#: Candidates that are fitted however long they take.
ALWAYS = 2
Fold = tuple[np.ndarray, np.ndarray]


@dataclass
class OutOfFold:
    """models: of each candidate by name, one a fold. said: (n,) of each, about rows that the model was not fitted to. left_out: names of
    candidates for which there was no time."""

    models: dict[str, list[Any]]
    said: dict[str, np.ndarray]
    left_out: list[str]


def out_of_fold(
    candidates: Mapping[str, Any],
    X: np.ndarray,  # noqa: N803
    y: np.ndarray,
    folds: Sequence[Fold],
    weight: np.ndarray | None = None,
    seconds: float | None = None,
) -> OutOfFold:
    """Fit the candidates, in their order. folds: numbers of the rows to fit to and of the others. weight: (n,), for candidates that take
    weights. seconds: of processor time; a candidate that would exceed it, by its first folds, is left out, but for the first `ALWAYS`."""
    began, found = time.process_time(), OutOfFold({}, {}, [])
    for name, candidate in candidates.items():
        models: list[Any] = []
        said = np.full(len(y), np.nan)
        for kept, held in folds:
            before = time.process_time()
            weights = {} if weight is None or not has_fit_parameter(candidate, "sample_weight") else {"sample_weight": weight[kept]}
            models.append(clone(candidate).fit(X[kept], y[kept], **weights))
            said[held] = models[-1].predict(X[held])
            now = time.process_time()
            rest = (now - before) * (len(folds) - len(models)) if len(models) > 1 else 0.0  # the first one may import packages
            if seconds is not None and len(found.models) >= ALWAYS and now - began + rest > seconds:
                break
        if len(models) < len(folds):
            found.left_out.append(name)
        else:
            found.models[name], found.said[name] = models, said
    return found


def stack_weights(said: np.ndarray, y: np.ndarray, weight: np.ndarray | None = None, pull: float = 0.01) -> np.ndarray:
    """Weights (k,), 0 or above, with sum 1, of predictions (n, k) for y (n,): least squares, with a pull towards equal weights that counts
    as much as the share `pull` of the mean squared error of the best prediction, so that it fades where one is all but exact.

    >>> stack_weights(np.array([[1.0, 3.0], [2.0, 0.0], [3.0, 1.0]]), np.array([1.0, 2.0, 3.0])).round(1).tolist()
    [1.0, 0.0]
    """
    from scipy.optimize import nnls

    roots = np.ones(len(y)) if weight is None else np.sqrt(weight / weight.mean())
    least = float(np.min(np.mean(((said - y[:, None]) * roots[:, None]) ** 2, axis=0)))
    size = np.sqrt(pull * len(y) * max(least, np.finfo(float).eps * np.mean(y**2)))
    rows = np.vstack([said * roots[:, None], size * np.eye(said.shape[1])])
    found, _ = nnls(rows, np.concatenate([y * roots, np.full(said.shape[1], size / said.shape[1])]))
    return found / found.sum() if found.sum() > 0 else np.full(len(found), 1 / len(found))
