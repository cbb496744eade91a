"""Adaptive conformal inference: the level follows the observed misses, so that long-run coverage holds for any series."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from foretell.numbers.component import Component
from foretell.numbers.conformal.quantile import rank
from foretell.parts import require


@dataclass(eq=False, repr=False)
class AdaptiveLevel(Component):
    """Intervals become wider after a miss and slightly narrower after a hit: level += rate * (target miss rate - missed).

    rate: the step; 0 keeps the level. Guarantee: exact; of T consecutive values, each compared with the interval predicted before it
    arrived, the share of misses differs from 1 - coverage by at most (max(coverage, 1 - coverage) + rate) / (rate T), for any series.
    State: the level, an array; `update` returns a new one. Errors: UserError for a rate outside 0 to 1.

    Paper: Gibbs and Candès (2021), equation 2 and proposition 4.1.

    >>> level = AdaptiveLevel(rate=0.1).update(np.array([0.1, 0.1]), np.array([True, False]), coverage=0.9)
    >>> level.round(3).tolist()
    [0.01, 0.11]
    """

    papers = ("adaptive-conformal",)

    rate: float = 0.005

    def update(self, level: np.ndarray, missed: np.ndarray, coverage: float) -> np.ndarray:
        """The next level (...) from the level (...) and whether each new value was missed (...), bool. coverage: the target."""
        require(0 <= self.rate < 1, self, "rate", self.rate, "must be 0 or above and below 1, for example 0.005")
        return level + self.rate * (1 - coverage - missed)

    def observe(self, recent: np.ndarray, level: np.ndarray, score: np.ndarray, coverage: float) -> tuple[np.ndarray, np.ndarray]:
        """Recent scores (n, ...) in order of time and levels (...), after one more score (...): it is compared with the interval predicted
        before it arrived, and replaces the oldest score."""
        missed = score > self.least(np.sort(recent, axis=0), level)
        return np.concatenate([recent[1:], score[None]]), self.update(level, missed, coverage)

    def least(self, scores: np.ndarray, level: np.ndarray) -> np.ndarray:
        """The score (...) that intervals extend to, from sorted scores (n, ...) and levels (...): infinity where the level is too low for
        any score, minus infinity (an empty interval) where it is above 1."""
        places = rank(len(scores), 1 - np.asarray(level))
        ends = np.full((1, *scores.shape[1:]), np.inf)
        return np.take_along_axis(np.concatenate([-ends, scores, ends]), places[None], axis=0)[0]
