"""Acceptance rates that drafters reached on other prompts: what is known of a drafter before its first draft."""

from __future__ import annotations

import functools
import json
from importlib import resources

#: Depths and ranks beyond these share a rate.
_DEEPEST, _LAST = 3, 4


@functools.cache
def prior_rate(source: str, grade: int, depth: int, rank: int) -> float | None:
    """The rate at which nodes like this one were accepted given their parent, in new sessions with the default model; None for drafters
    that were not measured. Where too few nodes were seen, the rate of the depth above counts, else of the rank before.

    Measured by `benchmarks/prior_rates.py` on every second prompt of Spec-Bench.
    """
    rates = _rates().get(source)
    if rates is None:
        return None
    for rank_before in range(min(rank, _LAST), -1, -1):
        for depth_above in range(min(depth, _DEEPEST), 0, -1):
            rate = rates.get(f"{grade} {depth_above} {rank_before}")
            if rate is not None:
                return float(rate)
    return None


@functools.cache
def _rates() -> dict[str, dict[str, float]]:
    """By source, then by "grade depth rank"."""
    text = resources.files("foretell.data").joinpath("acceptance.json").read_text(encoding="utf-8")
    return json.loads(text)
