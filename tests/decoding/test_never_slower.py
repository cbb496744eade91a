"""The never-slower pace against a simulated clock: the cost curve itself."""

from __future__ import annotations

import pytest

from foretell.decoding.cost_curve import CostCurve
from foretell.decoding.draft_order import DraftCosts
from foretell.decoding.paces.fixed import Fixed
from foretell.decoding.paces.never_slower import NeverSlower
from tests.decoding.simulation import chain, simulate

CURVES = {
    "nearly flat": CostCurve.flat(1.0, per_row=0.02),
    "rising": CostCurve.flat(1.0, per_row=0.1),
    "steep": CostCurve.flat(1.0, per_row=0.3),
    "a step at 8 rows": CostCurve((1, 8, 9, 16), (1.0, 1.1, 2.0, 2.2)),
}


@pytest.mark.parametrize("curve", CURVES.values(), ids=CURVES)
def test_a_drafter_that_is_always_wrong_costs_at_most_three_percent(curve):
    plain = simulate(Fixed(0), curve, lambda step: 0.0)
    assert simulate(NeverSlower(), curve, lambda step: 0.0) <= plain / 0.97


@pytest.mark.parametrize("curve", CURVES.values(), ids=CURVES)
@pytest.mark.parametrize("acceptance", [0.2, 0.5, 0.8, 0.95])
def test_it_comes_within_five_percent_of_the_best_length_in_hindsight(curve, acceptance):
    def mean(pace):
        return sum(simulate(pace, curve, lambda step: acceptance, requests=20, seed=seed) for seed in range(3))

    best = min(mean(Fixed(length)) for length in range(16))
    assert mean(NeverSlower()) <= best / 0.95


def test_a_drafter_that_becomes_good_is_found_out():
    curve, turn = CURVES["rising"], 200
    late = simulate(NeverSlower(), curve, lambda step: 0.0 if step < turn else 0.95, requests=20)
    assert late < 0.75 * simulate(Fixed(0), curve, lambda step: 0.0, requests=20)


def test_drafting_that_costs_as_much_as_decoding_is_left_alone():
    curve = CURVES["nearly flat"]
    plain = simulate(Fixed(0), curve, lambda step: 0.9)
    assert simulate(NeverSlower(), curve, lambda step: 0.9, draft_cost=1.0) <= plain / 0.95


def test_on_a_flat_curve_all_is_verified_and_where_a_row_costs_a_step_nothing():
    pace = NeverSlower()
    state = pace.begin(pace.remember())
    assert len(pace.trim([state], [chain(5)], DraftCosts(CostCurve.flat(1.0)))[0]) == 5
    assert len(pace.trim([state], [chain(5)], DraftCosts(CostCurve.flat(1.0, per_row=1.0)))[0]) == 0


def test_nodes_of_a_batch_compete_for_rows():
    pace = NeverSlower()
    memory = pace.remember()
    good, bad = pace.begin(memory), pace.begin(memory)
    for _ in range(60):
        pace.observe(good, chain(3), [0, 1, 2])
        pace.observe(bad, chain(3), [])
    kept = pace.trim([good, bad], [chain(3), chain(3)], DraftCosts(CostCurve.flat(1.0, per_row=0.2)))
    assert [len(tree) for tree in kept] == [3, 0]


def test_a_request_that_is_decided_alone_does_not_feel_the_others():
    pace, curve = NeverSlower(), CostCurve.flat(1.0, per_row=0.2)
    memory = pace.remember()
    teacher = pace.begin(memory)
    for _ in range(100):
        pace.observe(teacher, chain(3), [])
    alone, fresh = pace.begin(memory, alone=True), pace.begin(pace.remember(), alone=True)
    together = pace.trim([alone, teacher], [chain(3), chain(3)], DraftCosts(curve))[0]
    assert len(together) == len(pace.trim([fresh], [chain(3)], DraftCosts(curve))[0])
