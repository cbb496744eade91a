"""Paired ratios, quartiles and bootstrap intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Spread:
    """Of `num` values: the median, the quartiles, and the 95 % confidence interval of the median, from `low` to `high`."""

    median: float
    lower_quartile: float
    upper_quartile: float
    low: float
    high: float
    num: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread | None:
        """Summarise values; None for no values.

        >>> Spread.of([1.0, 2.0, 3.0]).median
        2.0
        """
        if not len(values):
            return None
        first, middle, third = np.quantile(values, [0.25, 0.5, 0.75])
        low, high = bootstrap_interval(values)
        return cls(float(middle), float(first), float(third), low, high, len(values))


def bootstrap_interval(values: Sequence[float], num_resamples: int = 4000, level: float = 0.95, seed: int = 0) -> tuple[float, float]:
    """Percentile bootstrap interval of the median (Efron and Tibshirani, "An Introduction to the Bootstrap", chapter 13).

    level: of confidence, 0 to 1. seed: of the resampling.

    >>> bootstrap_interval([2.0, 2.0, 2.0])
    (2.0, 2.0)
    """
    sample: NDArray[np.float64] = np.asarray(values, dtype=np.float64)
    chosen = np.random.default_rng(seed).integers(0, len(sample), (num_resamples, len(sample)))
    medians = np.median(sample[chosen], axis=1)
    tail = (1 - level) / 2
    low, high = np.quantile(medians, [tail, 1 - tail])
    return float(low), float(high)


def paired_ratios(rates: Mapping[int, float], reference: Mapping[int, float]) -> dict[int, float]:
    """rates[i] / reference[i] for each group i that both were measured on. rates, reference: tokens a second by group."""
    return {i: rates[i] / reference[i] for i in rates if reference.get(i, 0.0) > 0.0}
