"""Spread and intervals against scipy; the hindsight bound against trying everything."""

import itertools

import numpy as np
import pytest

from foretell.bench.hindsight import hindsight
from foretell.bench.statistics import Spread, bootstrap_interval, paired_ratios
from foretell.decoding.cost_curve import CostCurve
from foretell.decoding.trace import Step


def test_bootstrap_interval_agrees_with_scipy():
    stats = pytest.importorskip("scipy.stats")
    values = np.random.default_rng(3).lognormal(0.5, 0.3, 32)
    ours = bootstrap_interval(values)
    theirs = stats.bootstrap((values,), np.median, n_resamples=4000, method="percentile", rng=np.random.default_rng(1)).confidence_interval
    # Both are Monte Carlo estimates of the same quantiles; over seeds they differ by less than 0.03 in 10,000 trials.
    assert ours == pytest.approx((theirs.low, theirs.high), abs=0.05)


def test_the_interval_covers_the_true_median_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    hits = 0
    for i in range(200):
        low, high = bootstrap_interval(rng.normal(1.0, 0.2, 25), num_resamples=400, seed=i)
        hits += low <= 1.0 <= high
    assert 175 <= hits <= 200  # 95 % of 200 is 190; below 175 has a chance under 1e-4 at a true coverage of 0.93


def test_spread():
    spread = Spread.of([1.0, 2.0, 3.0, 4.0, 5.0])
    assert (spread.median, spread.lower_quartile, spread.upper_quartile, spread.num) == (3.0, 2.0, 4.0, 5)
    assert 1.0 <= spread.low <= 3.0 <= spread.high <= 5.0
    assert Spread.of([]) is None


def test_ratios_are_of_prompts_that_both_finished():
    assert paired_ratios({0: 4.0, 1: 6.0}, {1: 3.0, 2: 1.0}) == {1: 2.0}


def _step(num_drafted: int, num_tokens: int) -> Step:
    return Step(1 + num_drafted, [0] * num_drafted, list(range(-1, num_drafted - 1)), [""] * num_drafted, [], [1] * num_tokens, [], [], {})


def test_hindsight_is_the_cheapest_way_to_split_each_run():
    curve = CostCurve((1, 2, 3, 4, 5), (1.0, 1.1, 2.5, 2.6, 4.0))
    steps = [_step(4, 4), _step(2, 1), _step(0, 1), _step(4, 5)]
    found = hindsight(steps, curve)
    best = 0.0
    for step in steps:
        num = len(step.tokens)
        splits = (split for parts in range(1, num + 1) for split in itertools.product(range(1, num + 1), repeat=parts) if sum(split) == num)
        best += min(sum(curve(rows) for rows in split) for split in splits)
    assert found.bound == pytest.approx(11 * 1.0 / best)
    assert found.reached == pytest.approx(11 * 1.0 / (4.0 + 2.5 + 1.0 + 4.0))
    assert hindsight([], curve) is None
