"""The errors of a stack as a distribution: how large they are in each row, and their common shape."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor

from foretell.numbers.distributions import Histogram
from foretell.numbers.stacking.out_of_fold import Fold

#: Most bins of the distribution of errors, of the same mass.
MOST_BINS = 100
#: With fewer rows, errors are taken to be alike in all of them.
LEAST_ROWS = 100


def sizes_of_errors(
    X: np.ndarray,  # noqa: N803
    errors: np.ndarray,
    folds: Sequence[Fold],
) -> tuple[list[HistGradientBoostingRegressor], np.ndarray]:
    """Models of the logarithm of a row's absolute error, one a fold, and what they say about rows that they did not see (n,), as sizes.

    None, and sizes of 1, where this does not predict errors better than one size for all (by the likelihood of a Laplace distribution).
    """
    sizes = np.abs(errors)
    floor = 1e-3 * float(sizes.mean())
    if len(errors) < LEAST_ROWS or floor == 0 or len(folds) < 2:
        return [], np.ones(len(errors))
    target, said, models = np.log(sizes + floor), np.zeros(len(errors)), []
    for kept, held in folds:
        model = HistGradientBoostingRegressor(
            learning_rate=0.1,
            max_iter=40,
            max_leaf_nodes=6,
            min_samples_leaf=20,
            l2_regularization=5.0,
            early_stopping=False,
            random_state=0,
        )
        models.append(model.fit(X[kept], target[kept]))
        said[held] = model.predict(X[held])
    local = np.exp(said)
    local *= np.mean(sizes / local)
    gain = np.mean(np.log(sizes.mean()) + sizes / sizes.mean()) - np.mean(np.log(local) + sizes / local)
    return (models, np.exp(said)) if gain > 0.005 else ([], np.ones(len(errors)))


def histogram_of(errors: np.ndarray) -> Histogram:
    """The distribution of the next error, exchangeable with these (n,): each gap between neighbours has the same mass, 1 / (n + 1), and
    what lies beyond the extremes too, spread as wide as the outer tenth of the errors. With many errors, on `MOST_BINS` bins.

    >>> histogram_of(np.array([-1.0, 0.0, 1.0])).quantile(np.array([0.25, 0.5, 0.75])).tolist()
    [[-1.0, 0.0, 1.0]]
    """
    errors = np.sort(errors)
    num = len(errors)
    bins = min(MOST_BINS, num + 1)
    levels = np.arange(1, bins) / bins
    inner = np.quantile(errors, levels, method="weibull")
    unit = (errors[-1] - errors[0]) or max(abs(errors[0]), 1.0) * 1e-9
    tenth = max(1, num // 10)
    low = errors[0] - max(errors[min(tenth, num - 1)] - errors[0], 1e-6 * unit)
    high = errors[-1] + max(errors[-1] - errors[max(-tenth - 1, -num)], 1e-6 * unit)
    edges = np.concatenate([[low], inner, [high]])
    masses = np.full(bins, 1 / bins)
    apart = np.concatenate([[True], np.diff(edges) > 1e-12 * unit])  # equal errors make empty bins, whose mass goes to the next one
    places = np.cumsum(apart[1:])
    return Histogram(edges[apart], np.bincount(np.maximum(places - 1, 0), weights=masses, minlength=apart.sum() - 1)[None])
