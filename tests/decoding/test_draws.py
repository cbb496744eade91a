"""Coins: what one implementation samples, the other enumerates."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from foretell.decoding.draws import Draws, SampledDraws, TooManyOutcomesError, enumerate_outcomes

PROBS = np.array([0.1, 0.0, 0.6, 0.3])


def three_coins(draws: Draws) -> tuple[int, bool, int]:
    """Branches that depend on earlier outcomes."""
    first = draws.categorical(PROBS)
    second = draws.bernoulli(first / 3)
    return first, second, draws.categorical(np.array([0.5, 0.5])) if second else -1


def test_every_outcome_comes_once_with_its_probability():
    outcomes = list(enumerate_outcomes(three_coins))
    assert len({outcome for _, outcome in outcomes}) == len(outcomes)
    assert {outcome: p for p, outcome in outcomes} == pytest.approx(
        {(0, False, -1): 0.1, (2, False, -1): 0.2, (2, True, 0): 0.2, (2, True, 1): 0.2, (3, True, 0): 0.15, (3, True, 1): 0.15}
    )


@given(st.lists(st.lists(st.floats(0.01, 1), min_size=1, max_size=4), max_size=4))
@settings(max_examples=50, deadline=None)
def test_any_sequence_of_draws_has_mass_one(weights):
    distributions = [np.array(row) / sum(row) for row in weights]
    outcomes = list(enumerate_outcomes(lambda draws: tuple(draws.categorical(distribution) for distribution in distributions)))
    assert len(outcomes) == math.prod(len(distribution) for distribution in distributions)
    assert sum(p for p, _ in outcomes) == pytest.approx(1)


def test_the_budget_of_outcomes_is_exact():
    def run(draws: Draws) -> int:
        return draws.categorical(np.full(4, 0.25))

    assert len(list(enumerate_outcomes(run, max_outcomes=4))) == 4
    with pytest.raises(TooManyOutcomesError, match="more than max_outcomes=3"):
        list(enumerate_outcomes(run, max_outcomes=3))


def test_samples_follow_the_law():
    counts = Counter(three_coins(SampledDraws(seed).at(7)) for seed in range(20_000))
    expected = {outcome: p for p, outcome in enumerate_outcomes(three_coins)}
    assert set(counts) == set(expected)
    assert chisquare([counts[o] for o in expected], [20_000 * p for p in expected.values()]).pvalue > 0.001


def first(draws: Draws) -> float:
    return SampledDraws._uniform(draws)


def test_position_and_stream_pick_the_numbers_not_the_order_of_asking():
    draws = SampledDraws(3)
    later, sooner = first(draws.at(9)), first(draws.at(2))
    again = SampledDraws(3)
    assert (first(again.at(2)), first(again.at(9))) == (sooner, later)


def test_places_streams_parts_and_seeds_are_independent():
    draws = [
        SampledDraws(seed).sub(part).at(position, stream)
        for seed in range(4) for part in range(4) for position in range(8) for stream in range(4)
    ]  # fmt: skip
    draws += [SampledDraws(0).at(0), SampledDraws(0).sub(0).sub(1).at(0), SampledDraws(0).sub(1).sub(0).at(0)]
    assert len({first(each) for each in draws}) == len(draws)


def test_certain_outcomes_cost_no_coin():
    draws = SampledDraws(0).at(0)
    assert draws.bernoulli(1.0)
    assert draws.bernoulli(1.5)
    assert not draws.bernoulli(0.0)
    assert first(draws) == first(SampledDraws(0).at(0))


def test_tokens_of_probability_zero_are_never_drawn():
    assert {SampledDraws(seed).at(0).categorical(np.array([0.0, 0.5, 0.0, 0.5, 0.0])) for seed in range(200)} == {1, 3}


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_seeds_out_of_range_are_refused(seed):
    with pytest.raises(ValueError, match="seed="):
        SampledDraws(seed)
    SampledDraws(2**64 - 1).at(5).bernoulli(0.5)
