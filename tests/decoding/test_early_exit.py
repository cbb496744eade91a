"""Early exits as drafts: the chain is the exit's own, the target's cache stays as it was, and the price follows the exit's curve."""

from __future__ import annotations

import pytest
import torch

from foretell.decoding.cost_curve import CostCurve
from foretell.decoding.drafter import Ask
from foretell.decoding.drafters.early_exit import MOST_UNREAD, EarlyExit
from foretell.decoding.drafters.union import Union
from foretell.decoding.draws import SampledDraws
from foretell.decoding.paces.never_slower import NeverSlower
from foretell.decoding.pacing import measured_curve
from foretell.decoding.pacing.measured_curve import measure, use_curve
from foretell.decoding.recipe import Recipe
from foretell.decoding.request import Request
from foretell.decoding.sampler import Sampler
from foretell.decoding.samplers.penalties import Penalties
from foretell.decoding.samplers.top_k import TopK
from foretell.decoding.session import Session
from foretell.decoding.tree import Kind, Tree
from foretell.models.base import Feed, Model
from foretell.models.native import NativeModel
from foretell.models.tiny import TinyModel
from tests.decoding.helpers import GREEDY, greedy_text, run
from tests.models.zoo import on_torch, random_llama

SIZE = 12


def tiny(**options) -> TinyModel:
    return TinyModel(SIZE, num_layers=4, **options)


def exit_row(model: Model, text: list[int], layer: int) -> torch.Tensor:
    return model.forward([Feed(model.new_cache(), text, num_logits=1)], stop=layer)[0].logits[-1]


def propose(
    model: Model, drafter: EarlyExit, texts: list[list[int]], sampler: Sampler, read: int = 0, num_nodes=80, depth=80
) -> list[Tree]:
    """Trees for several texts, of which the target has read all but the last token, or `read` tokens."""
    asks = []
    for seed, text in enumerate(texts):
        cache = model.new_cache()
        model.forward([Feed(cache, text[: read or -1], num_logits=0)])
        cache.keep(range(len(text[: read or -1])))
        state = drafter.begin(drafter.remember(model), text)
        asks.append(Ask(text, 1, state, num_nodes, depth, sampler, SampledDraws(seed), cache))
    before = [ask.cache.length for ask in asks]
    trees = drafter.propose(asks)
    assert [ask.cache.length for ask in asks] == before
    assert not any(ask.cache.pending for ask in asks)
    return trees


@pytest.mark.parametrize("layer", [1, 2, 3])
def test_greedy_chains_are_the_exits_arg_max_and_fixed(layer):
    model = tiny()
    texts = [[1, 2, 3], [4, 5], [6, 7, 8, 9, 1]]
    for text, tree in zip(texts, propose(model, EarlyExit(layer, 5), texts, GREEDY), strict=True):
        written = list(text)
        for _ in range(5):
            written.append(int(exit_row(model, written, layer).argmax()))
        assert tree == Tree.chain(written[len(text) :], "early-exit")


def test_sampled_chains_carry_the_exits_law_under_the_requests_sampler():
    model, sampler = tiny(), Sampler((Penalties(repetition=1.5, presence=0.7), TopK(6)))
    [tree] = propose(model, EarlyExit(2, 4), [[1, 2, 3]], sampler)
    assert set(tree.kinds) == {Kind.SAMPLED}
    assert tree.parents == [-1, 0, 1, 2]
    for node, q in enumerate(tree.q):
        text = [1, 2, 3, *tree.tokens[:node]]
        assert q.dense().tolist() == pytest.approx(sampler.distribution(exit_row(model, text, 2), text, 1).dense().tolist())
        assert q[tree.tokens[node]] > 0


def test_limits_and_unread_text():
    model, text = tiny(), [1, 2, 3] * 20
    whole = propose(model, EarlyExit(2, 5), [text], GREEDY)[0]
    assert propose(model, EarlyExit(2, 5), [text], GREEDY, num_nodes=2)[0] == whole.clip(2, 80)
    assert propose(model, EarlyExit(2, 5), [text], GREEDY, depth=3)[0] == whole.clip(80, 3)
    assert propose(model, EarlyExit(2, 5), [text], GREEDY, read=60 - MOST_UNREAD)[0] == whole
    assert not propose(model, EarlyExit(2, 5), [text], GREEDY, read=59 - MOST_UNREAD)[0]


def native() -> NativeModel:
    return on_torch(random_llama(SIZE, num_layers=4, width=16, num_heads=2, context=128, spread=0.5, seed=1))


@pytest.mark.parametrize("make", [tiny, native])
def test_greedy_text_is_plain_text_and_slots_are_given_back(make):
    """Also at the end of the model's context, and beside another exit."""
    model = make()
    requests = [Request([seed, 2, 3], 40, GREEDY, SampledDraws(seed)) for seed in range(3)]
    expected = [greedy_text(model, request.prompt, 40) for request in requests]
    run(model, Union((EarlyExit(3, 4), EarlyExit(1, 2))), requests)
    assert [request.generated for request in requests] == expected
    assert sum(len(step.accepted) for request in requests for step in request.trace.steps) > 10
    if isinstance(model, NativeModel):
        long = Request([1] * 100, 100, GREEDY, SampledDraws(0))
        run(model, EarlyExit(2, 6), [long])
        assert (len(long.tokens), long.finish_reason) == (128, "context")
        del requests, long
        assert model.store.num_used == 0


def test_the_price_is_the_exits_and_never_slower_declines_what_does_not_pay():
    model = tiny(seed=3)
    drafter = EarlyExit(2, 3)
    use_curve(model, CostCurve.flat(0.4), stop=2)
    assert [drafter.draft_cost(drafter.remember(model), depth) for depth in (0, 1, 3, 9)] == pytest.approx([0, 0.4, 1.2, 1.2])
    drafted = {}
    for cost in (0.01, 3.0):
        use_curve(model, CostCurve.flat(cost), stop=2)
        request = Request([1, 2], 60, GREEDY, SampledDraws(0))
        run(model, Recipe(drafter, pace=NeverSlower()), [request], curve=CostCurve.flat(1.0, 0.01))
        drafted[cost] = sum(len(step.drafted) for step in request.trace.steps)
    assert drafted[0.01] > 20
    assert drafted[3.0] == 0


def test_an_exits_curve_is_measured_and_kept_apart_from_the_models(monkeypatch):
    calls = []
    monkeypatch.setattr(measured_curve, "measure", lambda model, rows, stop: calls.append(stop) or CostCurve.flat(stop or 9.0))
    model = tiny(seed=77)
    assert [measured_curve.curve_of(model, stop=stop)(1) for stop in (None, 1, 2, 1, None)] == [9.0, 1.0, 2.0, 1.0, 9.0]
    assert [measured_curve.curve_of(tiny(seed=77), stop=stop)(1) for stop in (2, None)] == [2.0, 9.0]  # from the folder
    assert calls == [None, 1, 2]


def test_measuring_an_exit_leaves_there():
    stops = []

    class Noting(TinyModel):
        def _forward(self, feeds, hidden, start, stop):
            stops.append(stop)
            return super()._forward(feeds, hidden, start, stop)

    measure(Noting(num_layers=4), (1, 2), budget=0.0, stop=3)
    assert set(stops[1:]) == {3}  # after reading the text


@pytest.mark.parametrize(
    ("options", "message"),
    [({"layer": 0}, "layer=0 must be a layer"), ({"layer": 1.5}, "layer=1.5"), ({"layer": 1, "num_tokens": 0}, "num_tokens=0 must be at")],
)
def test_wrong_settings_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        EarlyExit(**options)


def test_targets_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="layer=4 must be at most 3: the target has 4 layers"):
        Session(tiny(), Recipe(EarlyExit(4)), CostCurve.flat())

    class Closed(TinyModel):
        def _forward(self, feeds, hidden, start, stop):
            if stop < self.num_layers:
                raise ValueError("its layers were not found")
            return super()._forward(feeds, hidden, start, stop)

    with pytest.raises(ValueError, match="layers were not found"):
        Session(Closed(), Recipe(EarlyExit(1)), CostCurve.flat())
    with pytest.raises(ValueError, match="holds no cache of the target"):
        EarlyExit(1).propose([Ask([1], 1, tiny(), 4, 4, GREEDY, SampledDraws(0))])
