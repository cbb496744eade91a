"""Metrics: errors of predictions, and their distance from those of a retrained model."""

from __future__ import annotations

import numpy as np
from scipy.stats import ttest_ind, wasserstein_distance

#: Errors on forgotten rows within this relative difference count as equal, as in the anamnesis index.
SAME = 0.05


def mae(y: np.ndarray, predicted: np.ndarray) -> float:
    """Mean absolute error, in the units of y. y, predicted: (n,)."""
    return float(np.mean(np.abs(predicted - y)))


def rmse(y: np.ndarray, predicted: np.ndarray) -> float:
    """Root of the mean squared error, in the units of y. y, predicted: (n,)."""
    return float(np.sqrt(np.mean((predicted - y) ** 2)))


def distance_to_gold(predicted: np.ndarray, gold: np.ndarray) -> float:
    """Wasserstein-1 distance of two sets of predictions, in the units of y: how far they must be moved, on average, to have the same
    distribution.

    >>> distance_to_gold(np.array([1.0, 2.0]), np.array([3.0, 2.0]))
    1.0
    """
    return float(wasserstein_distance(predicted, gold))


def relative_difference(predicted: np.ndarray, gold: np.ndarray) -> np.ndarray:
    """(n,): the difference of each row's prediction from gold's, relative to the size of gold's.

    >>> relative_difference(np.array([1.0, 2.0]), np.array([2.0, 2.0])).tolist()
    [0.5, 0.0]
    """
    return np.abs(predicted - gold) / np.maximum(np.abs(gold), np.finfo(float).tiny)


def has_memorised(original: np.ndarray, gold: np.ndarray, original_elsewhere: np.ndarray, gold_elsewhere: np.ndarray) -> bool:
    """Whether the original predicts rows to forget measurably better than gold, which never saw them. All arguments are absolute errors: on
    the rows to forget, and elsewhere on rows that neither saw.

    This is the case where gold's error exceeds the original's by more on these rows than elsewhere: by more than 5 % of the original's
    error, and significantly (one-sided Welch test at 5 %). Errors elsewhere account for the variation between two fits, and for gold having
    had fewer rows.
    """
    here, elsewhere = gold - original, gold_elsewhere - original_elsewhere
    if np.mean(here) - np.mean(elsewhere) <= SAME * np.mean(original):
        return False
    return bool(ttest_ind(here, elsewhere, equal_var=False, alternative="greater").pvalue < SAME)
