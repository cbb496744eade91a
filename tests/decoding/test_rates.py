"""What the never-slower pace knows of its drafters, and what it makes of drafts that are sampled or have a price."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foretell.decoding.cost_curve import CostCurve
from foretell.decoding.distribution import Distribution
from foretell.decoding.draft_order import NOTHING, DraftCosts, DraftOrder
from foretell.decoding.draws import SampledDraws
from foretell.decoding.paces.fixed import Fixed
from foretell.decoding.paces.never_slower import NeverSlower
from foretell.decoding.pacing.rates import Rates, keys
from foretell.decoding.recipe import Recipe
from foretell.decoding.request import Request
from foretell.decoding.tree import Kind, Tree
from foretell.models.tiny import TinyModel
from tests.decoding.helpers import GREEDY, Scripted, greedy_text, run
from tests.decoding.simulation import chain, simulate

CURVES = {
    "nearly flat": CostCurve.flat(1.0, 0.02),
    "rising": CostCurve.flat(1.0, 0.1),
    "steep": CostCurve.flat(1.0, 0.3),
    "steps": CostCurve((1, 8, 9, 16, 17), (1.0, 1.05, 1.6, 1.65, 2.2)),
    "as on a laptop": CostCurve((1, 2, 4, 8, 16, 32), (1.0, 1.3, 1.35, 1.6, 2.4, 4.2)),
}
SEEDS = range(4)


def mean_cost(pace, curve, acceptance: float, **options) -> float:
    return float(np.mean([simulate(pace, curve, lambda step: acceptance, seed=seed, **options) for seed in SEEDS]))


@pytest.mark.parametrize("draft_cost", [0.0, 0.05])
@pytest.mark.parametrize("curve", CURVES.values(), ids=CURVES)
def test_sampled_drafts_that_are_always_wrong_cost_at_most_three_percent(curve, draft_cost):
    """Each of ten requests of 96 tokens finds it out anew: where drafts are sampled, nothing may be learnt across requests."""
    assert mean_cost(NeverSlower(), curve, 0.0, kind=Kind.SAMPLED, draft_cost=draft_cost) <= 960 * curve(1) / 0.97


@pytest.mark.parametrize("curve", CURVES.values(), ids=CURVES)
@pytest.mark.parametrize("kind", [Kind.FIXED, Kind.SAMPLED], ids=str)
def test_drafts_with_a_price_are_never_slower_and_near_the_best(curve, kind):
    """Near means 13 % here: ten short requests that learn alone pay for what they learn."""
    for acceptance in (0.2, 0.5, 0.8, 0.95):
        best = min(mean_cost(Fixed(num), curve, acceptance, draft_cost=0.05) for num in range(0, 17, 2))
        cost = mean_cost(NeverSlower(), curve, acceptance, kind=kind, draft_cost=0.05)
        assert cost <= min(best / 0.87, 960 * curve(1) / 0.97)


@pytest.mark.parametrize("requests", [1, 10])
@pytest.mark.parametrize("curve", CURVES.values(), ids=CURVES)
def test_it_recovers_when_a_drafter_becomes_good(curve, requests):
    """200 bad steps, then nine in ten are right: of what could be saved in the rest, more than half is."""
    late = lambda step: 0.0 if step < 200 else 0.9  # noqa: E731
    cost = np.mean([simulate(NeverSlower(), curve, late, requests, 960 // requests, seed=seed) for seed in SEEDS])
    ideal = 200 + min(mean_cost(Fixed(num), curve, 0.9, requests=1, tokens=760) for num in range(17))
    assert cost <= (960 + ideal) / 2


def test_an_always_wrong_drafter_in_the_loop():
    """With the loop, a model and a recipe: the curve is the clock."""
    model, curve = TinyModel(vocab_size=50, order=3), CostCurve.flat(1.0, 0.1)
    wrong = Scripted(lambda text: [(greedy_text(model, text, 1)[0] + 1) % 50] * 4)
    requests = [Request([seed, 1, 2], 96, GREEDY, SampledDraws(seed)) for seed in range(10)]
    run(model, Recipe(wrong, pace=NeverSlower()), requests, max_batch=1, curve=curve)
    cost = sum(curve(step.num_rows) for request in requests for step in request.trace.decode_steps[1:])
    assert cost <= 95 * 10 / 0.97
    assert all(request.trace.num_tokens == 96 for request in requests)


def test_a_worthless_drafter_is_asked_less_often():
    pace, costs = NeverSlower(), DraftCosts(CostCurve.flat(1.0, 1.0))
    state, asked = pace.begin(pace.remember()), 0
    for _ in range(100):
        limit = pace.limit(state, costs)
        asked += limit.num_nodes > 0
        pace.observe(state, pace.trim([state], [chain(3) if limit.num_nodes else Tree()], costs)[0], [])
    assert asked < 25


def test_a_draft_as_dear_as_a_step_is_not_asked_for():
    pace = NeverSlower()
    assert pace.limit(pace.begin(pace.remember()), DraftCosts(CostCurve.flat(1.0, 0.1), lambda depth: 1.0 * depth)) == NOTHING


@given(st.lists(st.tuples(st.integers(-1, 5), st.booleans()), max_size=10), st.lists(st.booleans(), min_size=30, max_size=30))
@settings(max_examples=100, deadline=None)
def test_reach_never_rises_so_that_best_sets_keep_parents_and_earlier_draws(nodes, hits):
    rates, tree, q = Rates(None, 0.99), Tree(), Distribution.of(np.ones(2))
    for parent, sampled in nodes:
        tree.add(0, min(parent, len(tree) - 1), Kind.SAMPLED if sampled else Kind.FIXED, q if sampled else None, "s")
    for hit in hits:
        rates.note(tree, tree.children()[-1][-1:] if hit and len(tree) else [])
    reach = rates.reach(tree, 4.0)
    for node, parent in enumerate(tree.parents):
        assert reach[node] <= (1.0 if parent < 0 else reach[parent])
        elder = [other for other in range(node) if tree.parents[other] == parent and tree.kinds[other] is Kind.SAMPLED]
        assert tree.kinds[node] is Kind.FIXED or all(reach[node] <= reach[other] for other in elder)


def test_rates_follow_what_happens_and_forget():
    rates, key = Rates(None, float(np.exp(-1 / 50))), keys(chain(1))[0]
    for _ in range(400):
        rates.note(chain(1), [0])
    assert rates.rate(key, 4.0) > 0.95
    for _ in range(60):
        rates.note(chain(1), [])
    assert rates.rate(key, 4.0) < 0.35
    for _ in range(10_000):  # far beyond where weights are renormalised
        rates.note(Tree(), [])
    assert rates.rate(key, 4.0) == pytest.approx(Rates(None, 0.9).rate(key, 4.0))


def test_an_untried_depth_is_thought_as_good_as_the_depth_above():
    rates = Rates(None, 0.99)
    for _ in range(50):
        rates.note(chain(2), [0, 1])
    first, second, third = (rates.rate(key, 4.0) for key in keys(chain(3)))
    assert first == pytest.approx(second, abs=0.03)
    assert third > 0.9


def test_what_one_request_taught_helps_the_next_unless_it_is_alone():
    pace = NeverSlower()
    memory = pace.remember()
    state = pace.begin(memory)
    for _ in range(50):
        pace.observe(state, chain(1), [])
    key = keys(chain(1))[0]
    assert pace.begin(memory).rates.rate(key, pace.trust) < 0.1
    assert pace.begin(memory, alone=True).rates.rate(key, pace.trust) > 0.4


def test_in_a_union_ranks_are_counted_within_a_drafter():
    tree = Tree()
    for source in ("a", "a", "b", "a"):
        tree.add(0, source=source)
    assert [key[3] for key in keys(tree)] == [0, 1, 0, 2]


@pytest.mark.parametrize(
    ("options", "message"), [({"max_nodes": -1}, "max_nodes=-1"), ({"memory": 0.5}, "memory=0.5"), ({"trust": 0}, "trust=0")]
)
def test_wrong_settings_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        NeverSlower(**options)


def test_the_shortest_memory_and_no_nodes_work():
    pace = NeverSlower(memory=1)
    assert simulate(pace, CostCurve.flat(1.0, 0.1), lambda step: 0.5) < 960
    assert dataclasses.replace(pace, max_nodes=0).limit(pace.begin(pace.remember()), DraftCosts()) == DraftOrder(0, 0)
