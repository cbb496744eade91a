"""`ConformalDistribution`: the distribution whose central intervals are conformal intervals."""

from __future__ import annotations

import numpy as np

from foretell.errors import UserError
from foretell.numbers.distributions import PointMasses

#: Most scores of which a distribution is made; of more, evenly spaced ones are taken.
MOST_SCORES = 500


class ConformalDistribution(PointMasses):
    """Masses on the ends of the conformal intervals of every coverage, so that `interval(coverage)` is the conformal interval (without the
    adaptation of the level), and its coverage guarantee holds for quantiles too, in pairs.

    With n held-out scores the interval that extends to the k-th has the coverage k / (n + 1). The mass 1 / (n + 1) beyond the largest,
    where a conformal interval is infinite, lies on its ends; the innermost one lies in the middle, so that the median is the middle. There
    is no density: score predictions by `crps`. `log_density` raises UserError.

    ends: (m, n, 2), lower and upper ends for increasing scores. middle: (n,). num: of scores, where `ends` has some of them. ranks: (m,),
    which of these scores, from 1 to num (None: all).

    >>> scores = np.arange(1.0, 20)
    >>> ends = np.stack([10 - scores, 10 + scores], axis=1)[:, None]
    >>> said = ConformalDistribution(ends, np.array([10.0]))
    >>> said.interval(0.9).tolist(), said.median().tolist()
    ([[-8.0, 28.0]], [10.0])
    """

    def __init__(self, ends: np.ndarray, middle: np.ndarray, num: int | None = None, ranks: np.ndarray | None = None) -> None:
        num = len(ends) if num is None else num
        steps = np.diff(np.arange(1, num + 1) if ranks is None else ranks, prepend=1).astype(float)  # the first lies in the middle
        steps[-1] += 1
        lower, upper = ends[::-1, :, 0].T, ends[:, :, 1].T
        masses = np.concatenate([steps[::-1] / 2, [1.0], steps / 2]) / (num + 1)
        inwards = min(1e-10, masses[0] / 2)  # of two ends that have exactly the asked coverage, the inner one is the conformal one
        masses[0] -= inwards
        masses[len(steps)] += inwards
        super().__init__(np.concatenate([lower, middle[:, None], upper], axis=1), np.tile(masses, (len(middle), 1)))

    def log_density(self, y: np.ndarray) -> np.ndarray:
        raise UserError("conformal intervals have no density, so there is no log-density or log score; score predictions by crps")


def few_ranks(num: int) -> np.ndarray:
    """Numbers of the scores to make a distribution of, from 1 to `num` in increasing order: all, or `MOST_SCORES` evenly spaced.

    >>> few_ranks(4).tolist(), len(few_ranks(9999)), int(few_ranks(9999)[-1])
    ([1, 2, 3, 4], 500, 9999)
    """
    return np.unique(np.ceil(np.linspace(1, num, min(num, MOST_SCORES))).astype(int))
