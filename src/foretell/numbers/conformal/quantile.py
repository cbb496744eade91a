"""The quantile of held-out scores that sets the width of conformal intervals, with its finite-sample correction."""

from __future__ import annotations

import math

import numpy as np

from foretell.errors import UserError

_SLACK = 1e-9  # (n + 1) * 0.9 is not exact


def check_coverage(owner: object, coverage: float) -> None:
    """UserError unless 0 < coverage < 1."""
    if not 0 < coverage < 1:
        raise UserError(f"{type(owner).__name__}: coverage={coverage!r} must lie between 0 and 1, for example 0.9")


def needed_rows(coverage: float) -> int:
    """The least number of held-out rows for this coverage; with fewer, no score is large enough.

    >>> needed_rows(0.9), needed_rows(0.95), needed_rows(0.5)
    (9, 19, 1)
    """
    return math.ceil(coverage / (1 - coverage) - _SLACK)


def rank(num: int, coverage: float | np.ndarray) -> np.ndarray:
    """Which of `num` scores in increasing order (from 1) has this coverage for the next one: ceil((num + 1) coverage). num + 1 means that
    none has.

    >>> int(rank(99, 0.9)), int(rank(8, 0.9))
    (90, 9)
    """
    return np.clip(np.ceil((num + 1) * np.asarray(coverage) - _SLACK), 0, num + 1).astype(int)


def conformal_quantile(scores: np.ndarray, coverage: float) -> np.ndarray:
    """The score (...) that the next score, exchangeable with these (n, ...), does not exceed with probability `coverage` or more (and,
    without ties, at most 1 / (n + 1) more). UserError naming the needed number of rows where there are too few.

    >>> float(conformal_quantile(np.arange(1.0, 100.0), 0.9))
    90.0
    """
    num, place = len(scores), int(rank(len(scores), coverage))
    if num < needed_rows(coverage):
        raise UserError(
            f"{num} held-out rows are too few for coverage={coverage:g}, which needs at least {needed_rows(coverage)}; "
            "hold out more rows, or ask for less coverage"
        )
    return np.partition(scores, place - 1, axis=0)[place - 1]
