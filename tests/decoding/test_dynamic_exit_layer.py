"""DEL and the paces it is compared with: estimates against a model built to known rates, rates against simulation, texts against plain."""

from __future__ import annotations

import random

import pytest

from foretell.decoding.cost_curve import CostCurve
from foretell.decoding.draft_order import NOTHING, ConfidenceStop, DraftCosts, DraftOrder, ExitLayer
from foretell.decoding.drafters.early_exit import EarlyExit
from foretell.decoding.drafters.fallback import Fallback
from foretell.decoding.drafters.prompt_lookup import PromptLookup
from foretell.decoding.drafting.exits import Shadow
from foretell.decoding.draws import SampledDraws
from foretell.decoding.paces.draft_verify import DraftVerify
from foretell.decoding.paces.dynamic_exit_layer import DynamicExitLayer, tokens_per_second
from foretell.decoding.paces.fixed import Fixed
from foretell.decoding.paces.fsm import Fsm
from foretell.decoding.pacing.measured_curve import use_curve
from foretell.decoding.recipe import Recipe
from foretell.decoding.request import Request
from foretell.decoding.sampler import Sampler
from foretell.decoding.session import Session
from foretell.decoding.tree import Tree
from foretell.models.tiny import TinyModel
from tests.decoding.helpers import GREEDY, greedy_text

CURVE = CostCurve.flat(1.0, 0.02)


class Nested(TinyModel):
    """A tiny model whose layer l has the final state with the chance `rates[l]`, by context, and a state of its own otherwise."""

    def __init__(self, rates: dict[int, float], **options) -> None:
        super().__init__(num_layers=len(rates) + 1, **options)
        self.rates = rates
        self.fingerprint += f"-{sorted(rates.items())}"

    def _layer(self, text, layer, later=()):
        if 0 < layer < self.num_layers:
            lucky = random.Random(f"{layer}-{text[-self.order :]}").random() < self.rates[layer]
            return super()._layer(text, self.num_layers) if lucky else super()._layer([*text, text[-1]], layer)
        return super()._layer(text, layer)


def session(model: TinyModel, drafter, pace, cost: float = 0.02) -> Session:
    """A draft through layer l takes `cost` * l + 0.02, a step over n rows 1 + 0.02 (n - 1)."""
    for layer in range(1, model.num_layers):
        use_curve(model, CostCurve.flat(cost * layer + 0.02), stop=layer)
    return Session(model, Recipe(drafter, pace=pace), CURVE)


def decode(session: Session, text, length=200, sampler=GREEDY, seed=0) -> Request:
    request = Request(text, length, sampler, SampledDraws(seed))
    for _ in session.run([request]):
        pass
    return request


def test_estimates_come_near_the_rates_and_the_right_exit_is_chosen(monkeypatch):
    """Contexts are some hundred, so the share over a text differs from the rate; it is compared with the share itself."""
    rates = {1: 0.1, 2: 0.15, 3: 0.3, 4: 0.9, 5: 0.9}
    model = Nested(rates, vocab_size=32, order=2, seed=5, sharpness=1.0)
    pace, states = DynamicExitLayer(keep=1.0), []
    begin = DynamicExitLayer.begin
    monkeypatch.setattr(DynamicExitLayer, "begin", lambda self, memory, alone=False: states.append(begin(self, memory)) or states[-1])
    drafter = EarlyExit(1, num_tokens=18, candidates=tuple(rates))
    request = decode(session(model, drafter, pace), [1, 2, 3], 900, Sampler())
    assert len(request.trace.steps) >= 100
    (state,) = states
    for layer, rate in rates.items():
        assert state.counts[layer].alpha == pytest.approx(rate, abs=0.05)
    assert pace.limit(state, DraftCosts(CURVE)).choice(ExitLayer).layer == 4


def rate(way: tuple[float, float, float, float], num: int) -> float:
    return tokens_per_second([way], CURVE.table(1 + num))[0, num - 1]


@pytest.mark.parametrize(("alpha", "num"), [(0.3, 1), (0.6, 4), (0.9, 10)])
def test_rate_equals_a_simulation(alpha, num):
    """One part in a hundred; false alarm below 1e-6 at 200,000 rounds."""
    coins, draft = random.Random(1), 0.2
    tokens = 0
    for _ in range(200_000):
        accepted = 0
        while accepted < num and coins.random() < alpha:
            accepted += 1
        tokens += accepted + 1
    simulated = tokens / 200_000 / (num * draft + CURVE(1 + num))
    assert rate((alpha, 1.0, alpha, draft), num) == pytest.approx(simulated, rel=0.01)


def test_rate_equals_a_simulation_where_unsure_tokens_end_the_draft():
    """Right with 0.7; sure with 0.9 where right, 0.4 where wrong. As above, one part in a hundred."""
    coins, draft, num = random.Random(2), 0.2, 6
    tokens, seconds = 0, 0.0
    for _ in range(200_000):
        drafted, accepted, good, sure = 0, 0, True, True
        while sure and drafted < num:
            right = coins.random() < 0.7
            sure = coins.random() < (0.9 if right else 0.4)
            good = good and right
            drafted, accepted = drafted + 1, accepted + good
        tokens += accepted + 1
        seconds += drafted * draft + CURVE(1 + drafted)
    goes_on, rightly = 0.7 * 0.9 + 0.3 * 0.4, 0.7 * 0.9
    assert rate((0.7, goes_on, rightly, draft), num) == pytest.approx(tokens / seconds, rel=0.01)


def test_a_threshold_that_would_end_right_drafts_is_left_aside():
    """Confidence of half of the right guesses is as low as that of the wrong ones: drafts end at their length. Else by confidence."""
    pace, states = DynamicExitLayer(), []
    for low in (0.2, 0.8):
        state = pace.begin(None)
        for _ in range(40):
            pace.learn(state, Shadow({2: [True] * 8 + [False] * 2}, {2: [0.8, low] * 4 + [0.2] * 2}, {2: 0.05}))
        order = pace.limit(state, DraftCosts(CURVE))
        assert order.depth > 1
        states.append(order.choices)
    assert states[0] == (ExitLayer(2), ConfidenceStop(0.0))
    assert states[1] == (ExitLayer(2), ConfidenceStop(pytest.approx(0.5)))


PACES = [DynamicExitLayer(), DynamicExitLayer(max_nodes=3, keep=0.5), Fsm(), Fsm(1, 6, 2, 1), DraftVerify(), Fixed(5)]


@pytest.mark.parametrize("pace", PACES, ids=repr)
def test_greedy_text_is_plain_whatever_the_policy(pace):
    for seed in range(3):
        model = Nested({1: 0.3, 2: 0.6, 3: 0.8}, vocab_size=12, seed=seed, sharpness=2.0)
        drafter = EarlyExit(2, num_tokens=18, candidates=(1, 2, 3))
        request = decode(session(model, drafter, pace), [1, 2, seed], 60)
        assert request.generated == greedy_text(model, [1, 2, seed], 60)


def test_the_exit_changes_between_steps():
    model = Nested({1: 0.5, 2: 0.6, 3: 0.7}, vocab_size=24, order=4, seed=1)
    asked: set[int | None] = set()

    class Spy(EarlyExit):
        def propose(self, asks):
            asked.update(chosen and chosen.layer for chosen in (ask.choice(ExitLayer) for ask in asks))
            return super().propose(asks)

    request = decode(session(model, Spy(2, num_tokens=18, candidates=(1, 2, 3)), DynamicExitLayer(keep=0.5), cost=0.1), [1, 2], 150)
    assert len(asked - {None}) >= 2
    assert request.generated == greedy_text(model, [1, 2], 150)


def test_worthless_exits_are_left_alone_and_looked_at_ever_less(monkeypatch):
    model = Nested({1: 0.0, 2: 0.0}, vocab_size=16, seed=2)
    calls = []
    head = model.head
    monkeypatch.setattr(model, "head", lambda states: calls.append(len(states)) or head(states))
    request = decode(session(model, EarlyExit(1, candidates=(1, 2)), DynamicExitLayer(), cost=0.6), [3, 4], 200, Sampler())
    drafted = sum(bool(step.drafted) for step in request.trace.steps)
    assert drafted <= 12
    assert len(calls) <= 30
    assert len(request.trace.steps) >= 190


def test_shadow_tokens_are_what_each_exit_says():
    model = TinyModel(12, num_layers=4, seed=3)
    found = []

    class Spy(DynamicExitLayer):
        def learn(self, state, measured):
            found.append(measured)

    request = decode(session(model, EarlyExit(3, candidates=(1, 3)), Spy(max_nodes=3)), [5, 6], 30)
    text = list(request.tokens)
    place = 2
    for step, shadow in zip(request.trace.steps, found, strict=True):
        num = len(step.accepted) + 1
        for layer in (1, 3):
            for i in range(num):
                row = model._layer(text[: place + i], layer)[2]
                final = model._layer(text[: place + i], 4)[2]
                assert shadow.hits[layer][i] == bool(row.argmax() == final.argmax())
                assert shadow.confidence[layer][i] == pytest.approx(float(row.softmax(-1).max()), abs=1e-5)
        place += len(step.tokens)


def test_thresholds_where_one_kind_of_guess_is_missing():
    pace = DynamicExitLayer()
    for hits, sure, threshold in (([True], [0.8], 0.4), ([False, True], [0.4, 0.8], 0.6)):
        state = pace.begin(None)
        pace.learn(state, Shadow({2: hits}, {2: sure}, {2: 0.1}))
        order = pace.limit(state, DraftCosts(CURVE))
        if order.depth:
            assert order.choice(ConfidenceStop).threshold == pytest.approx(threshold)


def test_other_drafters_get_a_length_from_what_was_accepted():
    pace, curve = DynamicExitLayer(), CostCurve.flat(1.0, 0.3)
    free, costly = DraftCosts(curve), DraftCosts(curve, lambda depth: 0.1 * depth)
    state = pace.begin(None)
    assert pace.limit(state, free) == DraftOrder(1, 1)
    for _ in range(30):
        pace.observe(state, Tree.chain([1, 2, 3]), [0, 1, 2])
    order = pace.limit(state, costly)
    assert (order.depth > 3, order.choices) == (True, ())
    for _ in range(100):
        pace.observe(state, Tree.chain([1, 2, 3]), [])
    assert pace.limit(state, costly) == NOTHING
    for _ in range(100):  # nothing was drafted: what failed is forgotten, and tried again
        pace.observe(state, Tree(), [])
    assert pace.limit(state, costly).depth >= 1


def test_a_drafter_in_a_composite_is_measured_too():
    model = Nested({1: 0.1, 2: 0.9}, vocab_size=20, seed=4)
    drafter = Fallback((PromptLookup(num_tokens=2), EarlyExit(1, num_tokens=8, candidates=(1, 2))))
    request = decode(session(model, drafter, DynamicExitLayer()), [1, 2, 3], 80)
    assert request.generated == greedy_text(model, [1, 2, 3], 80)
    assert "early-exit" in {source for step in request.trace.steps for source in step.sources}


def test_chains_end_where_the_exit_is_unsure():
    model = TinyModel(12, num_layers=4, seed=6)
    for threshold, bound in ((0.0, 8), (1.0, 1)):
        request = decode(session(model, EarlyExit(2, num_tokens=8, threshold=threshold), Fixed(8)), [1, 2], 40)
        longest = max(len(step.drafted) for step in request.trace.steps)
        assert longest == bound
    request = decode(session(model, EarlyExit(2, num_tokens=8, threshold=0.3), Fixed(8)), [1, 2], 40)
    text = list(request.prompt)
    for step in request.trace.steps[:-2]:
        rows = [model._layer(text + list(step.drafted[:i]), 2)[2] for i in range(len(step.drafted))]
        sure = [float(row.softmax(-1).max()) for row in rows]
        assert all(each >= 0.3 for each in sure[:-1])
        room = 2 + 40 - len(text) - 1
        assert len(sure) == min(8, room) or sure[-1] < 0.3  # that token's pass was paid, so it is verified too
        text += step.tokens


def test_fsm_follows_its_rule():
    pace = Fsm(start=2, max_nodes=3)
    state = pace.begin(None)
    lengths = []
    for path in ([0, 1], [0, 1, 2], [0], [], [], []):
        pace.observe(state, Tree.chain(range(state.length)), path[: state.length])
        lengths.append(state.length)
    assert lengths == [3, 3, 2, 1, 1, 1]


def test_draft_verify_moves_towards_its_target():
    pace = DraftVerify(target=0.5)
    low, high = pace.begin(None), pace.begin(None)
    for _ in range(50):
        pace.observe(low, Tree.chain([1, 2]), [])
        pace.observe(high, Tree.chain([1, 2]), [0, 1])
    assert low.threshold == pytest.approx(0.6 + 50 * 0.001)
    assert high.threshold == pytest.approx(0.6 - 50 * 0.001, abs=1.1e-3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DynamicExitLayer(max_nodes=0), "max_nodes=0"),
        (lambda: DynamicExitLayer(keep=0.0), "keep=0.0"),
        (lambda: DynamicExitLayer(keep=1.5), "keep=1.5"),
        (lambda: Fsm(start=0), "start=0"),
        (lambda: Fsm(start=20), "at most max_nodes=18"),
        (lambda: DraftVerify(threshold=2.0), "threshold=2.0"),
        (lambda: EarlyExit(1, candidates=(0,)), "candidates"),
        (lambda: EarlyExit(1, candidates=(1, 1)), "candidates"),
        (lambda: EarlyExit(1, threshold=1.5), "threshold=1.5"),
        (lambda: EarlyExit(1, candidates=(4,)).remember(TinyModel(num_layers=4)), "candidates=\\(4,\\) must be at most 3"),
    ],
)
def test_wrong_settings(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_recipes_know_it_by_the_papers_name():
    assert Recipe.parse("early-exit(layer=2, candidates=(1, 2)), pace=del").pace == DynamicExitLayer()
