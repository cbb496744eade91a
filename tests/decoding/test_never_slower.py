"""The never-slower pace against a simulated clock: the cost curve itself."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from foretell.decoding.cost_curve import CostCurve
from foretell.decoding.draft_order import REST, DraftCosts
from foretell.decoding.draws import SampledDraws
from foretell.decoding.paces.fixed import Fixed
from foretell.decoding.paces.never_slower import NeverSlower
from foretell.decoding.recipe import Recipe
from foretell.decoding.request import Request
from foretell.decoding.sampler import Sampler
from foretell.models.tiny import TinyModel
from tests.decoding.helpers import run
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


@pytest.mark.parametrize("draft", [0.0, 0.05, 0.2])
@pytest.mark.parametrize("texts", [1, 4, 16])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("curve", CURVES.values(), ids=CURVES)
def test_no_request_of_a_batch_loses_more_than_the_allowance(curve, seed, texts, draft):
    """Whatever is accepted and drafting costs: each text's time to its end, by the curve, against plain decoding in the same batch."""
    pace, coins = NeverSlower(), random.Random(seed)
    costs = DraftCosts(curve, lambda depth: draft * depth, ask=0.05, node=0.005, texts=((0, 1),) * texts)
    memory = pace.remember()
    states, written, seconds = [pace.begin(memory) for _ in range(texts)], [0] * texts, 0.0
    chances = [coins.choice([0.0, 0.0, 0.3, 0.9]) for _ in range(texts)]  # most texts do not gain
    while min(written) < 96:
        costs = replace(costs)  # the loop makes new ones for each step
        orders = [pace.limit(state, costs) for state in states]
        proposed = [chain(min(order.num_nodes, order.depth, 8)) for order in orders]
        trees = pace.trim(states, proposed, costs)
        seconds += (
            draft * sum(map(len, proposed))
            + curve(texts + sum(map(len, trees)))
            + sum(0.05 for order in orders if order.num_nodes)
            + 0.005 * sum(map(len, trees))
        )
        for number, (state, tree) in enumerate(zip(states, trees, strict=True)):
            accepted = 0
            while accepted < len(tree) and coins.random() < chances[number]:
                accepted += 1
            pace.observe(state, tree, list(range(accepted)))
            written[number] += 1 + accepted
        loss = [seconds - num * costs.plain for num in written]
        share = pace.allowance if texts == 1 else pace.shared_allowance
        assert all(lost <= share * costs.plain * max(num, 40) + 1e-9 for lost, num in zip(loss, written, strict=True))


def test_a_long_text_makes_a_row_dearer():
    """What pays after a short text does not after one whose every row takes long to attend."""
    pace, curve = NeverSlower(), CostCurve((1, 2), (1.0, 1.02), per_token_row=0.001)
    kept = [len(pace.trim([pace.begin(pace.remember())], [chain(3)], DraftCosts(curve, texts=((n, 1),)))[0]) for n in (10, 1000)]
    assert kept == [3, 1]


def test_while_the_account_is_empty_the_drafter_rests():
    pace, costs = NeverSlower(allowance=0.0), DraftCosts(CostCurve.flat(1.0, 0.1), ask=0.1)
    assert pace.limit(pace.begin(pace.remember()), costs) == REST


@pytest.mark.parametrize("lengths", [(4, 5, 6, 7, 8, 9), (4, 701, 6, 703, 8, 705)], ids=["equal prompts", "some prompts in pieces"])
@pytest.mark.parametrize("curve", [CURVES["rising"], CostCurve((1, 4, 16, 256), (1.0, 1.1, 1.6, 20.0), 20, 0.002, 0.001, 0.05)])
@pytest.mark.parametrize("drafter", ["", "prompt-lookup | "])
def test_a_request_that_is_decided_alone_does_not_feel_the_others(drafter, curve, lengths):
    """Drafts that are drawn: the same seed gives the same text in any batch, whatever the others cost."""
    model = TinyModel(vocab_size=12, order=2, seed=3)
    recipe = Recipe.parse(drafter + "stand(orders=(2, 1), siblings='gumbel', scope='request'), exact, pace=never-slower")

    def requests():
        prompts = [[random.Random(length).randrange(12) for _ in range(length)] for length in lengths]
        return [Request(prompt, 60, Sampler(), SampledDraws(seed)) for seed, prompt in enumerate(prompts)]

    together = [request.generated for request in run(model, recipe, requests(), curve=curve)]
    assert together == [run(model, recipe, [request], curve=curve)[0].generated for request in requests()]
