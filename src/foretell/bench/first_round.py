"""Whether the first round was slower for some arms than the same round at the end: what is left of warming up."""

from __future__ import annotations

import statistics
from collections.abc import Mapping

#: Ratio of the two times, beside the median arm's, from which on the first round is not used.
_TOLERANCE = 1.2


def slow_starts(seconds: Mapping[str, tuple[float, float]]) -> dict[str, float]:
    """By arm, how many times as long as at the end the first measurement took, beside the others; only arms that are off.

    seconds: by arm, of the first round and of the same round at the end, with memories as empty. What slowed all arms down is the machine's
    drift, which ratios cancel, so the median over arms is divided out.

    >>> slow_starts({"plain": (2.0, 1.0), "a": (2.0, 1.0), "b": (2.0, 1.0), "c": (8.0, 1.0)})
    {'c': 4.0}
    >>> slow_starts({"plain": (3.0, 1.0), "a": (1.0, 1.0)})
    {'plain': 1.5, 'a': 0.5}
    """
    ratios = {name: first / again for name, (first, again) in seconds.items() if first > 0 and again > 0}
    if len(ratios) < 2:
        return {}
    middle = statistics.median(ratios.values())
    found = {name: ratio / middle for name, ratio in ratios.items()}
    return {name: ratio for name, ratio in found.items() if not 1 / _TOLERANCE < ratio < _TOLERANCE}
