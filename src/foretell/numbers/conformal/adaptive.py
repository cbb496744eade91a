"""Adaptive conformal inference: the level follows what was missed, so that coverage holds in the long run whatever comes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from foretell.numbers.component import Component
from foretell.numbers.conformal.quantile import rank
from foretell.parts import require


@dataclass(eq=False, repr=False)
class AdaptiveLevel(Component):
    """After a miss intervals become wider, after a hit a little narrower: level += rate (miss wanted - missed).

    rate: the step, 0 leaves the level as it is. Guarantee: exact; of T values in a row, each scored against the interval said before it
    came, the share missed differs from 1 - coverage by at most (max(coverage, 1 - coverage) + rate) / (rate T), for any series.
    State: the level, an array that `update` returns anew. Paper: Gibbs and Candès (2021), equation 2 and proposition 4.1.

    >>> level = AdaptiveLevel(rate=0.1).update(np.array([0.1, 0.1]), np.array([True, False]), coverage=0.9)
    >>> level.round(3).tolist()
    [0.01, 0.11]
    """

    papers = ("adaptive-conformal",)

    rate: float = 0.005

    def update(self, level: np.ndarray, missed: np.ndarray, coverage: float) -> np.ndarray:
        """The next level of each place, from its level and whether the value that came was missed."""
        require(0 <= self.rate < 1, self, "rate", self.rate, "must be 0 or above and below 1, for example 0.005")
        return level + self.rate * (1 - coverage - missed)

    def observe(self, recent: np.ndarray, level: np.ndarray, score: np.ndarray, coverage: float) -> tuple[np.ndarray, np.ndarray]:
        """The scores (n, ...) in order of time and the levels (...), after one more: it is held against the interval said before it
        came, and takes the place of the oldest."""
        missed = score > self.least(np.sort(recent, axis=0), level)
        return np.concatenate([recent[1:], score[None]]), self.update(level, missed, coverage)

    def least(self, scores: np.ndarray, level: np.ndarray) -> np.ndarray:
        """The score (...) that intervals reach to, from sorted scores (n, ...) and levels (...): infinity where the level has fallen so
        far that no score is high enough, and minus infinity (nothing) where it has risen above 1."""
        places = rank(len(scores), 1 - np.asarray(level))
        ends = np.full((1, *scores.shape[1:]), np.inf)
        return np.take_along_axis(np.concatenate([-ends, scores, ends]), places[None], axis=0)[0]
