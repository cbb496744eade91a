"""S2D: lagging caches are exact after any mix of exits and rollbacks, texts are plain, costs and thresholds as said."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from foretell.decoding.cost_curve import CostCurve
from foretell.decoding.draft_order import ConfidenceStop
from foretell.decoding.drafter import Ask
from foretell.decoding.drafters.fallback import Fallback
from foretell.decoding.drafters.prompt_lookup import PromptLookup
from foretell.decoding.drafters.sorted_draft import SortedDraft
from foretell.decoding.drafting.lagging_cache import LaggingCache, deepen, feed, read
from foretell.decoding.draws import SampledDraws
from foretell.decoding.paces.never_slower import NeverSlower
from foretell.decoding.pacing.measured_curve import use_curve
from foretell.decoding.recipe import Recipe
from foretell.decoding.request import Request
from foretell.decoding.sampler import Sampler
from foretell.models.base import Feed, Model
from foretell.models.load import load
from foretell.models.tiny import TinyModel
from tests.decoding.helpers import GREEDY, greedy_text, run
from tests.models.zoo import on_torch, random_llama

VOCAB = 17


@pytest.fixture(scope="module", params=["torch", "cpu", "transformers"])
def network(request, tmp_path_factory) -> Model:
    """An untrained network of six layers in fp32, with its exits at 2, 4 and 6."""
    network = random_llama(VOCAB, num_layers=6)
    if request.param == "transformers":
        from foretell.models.adapter import TransformersModel

        return TransformersModel(network)
    if request.param == "torch":
        return on_torch(network, "nested")
    folder = tmp_path_factory.mktemp("nested")
    network.save_pretrained(folder)
    return load(folder, dtype="fp32", progress=False)


def full_pass(model: Model, text: list[int], layer: int) -> torch.Tensor:
    return model.forward([Feed(model.new_cache(), text, num_logits=1)], stop=layer)[0].logits[-1]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 3), st.integers(1, 4), st.lists(st.integers(0, VOCAB - 1), min_size=1, max_size=3)), max_size=14),
    st.integers(0, 6),
)
def test_any_mix_of_exits_and_rollbacks_computes_what_full_passes_do(network, steps, prompt):
    """Each step feeds tokens, goes to exit `depth`, and now and then forgets some of the last positions, waiting ones too."""
    exits, text = (2, 4, 6), [3] * prompt
    lagging = LaggingCache(network, exits)
    if text:
        read(lagging, text)
    for depth, back, tokens in steps:
        logits = feed([lagging], [tokens])[0]
        text += tokens
        for passed in range(1, depth):
            logits = deepen([lagging], passed)[0]
        assert (logits - full_pass(network, text, exits[depth - 1])).abs().max() < 1e-4
        assert lagging.passed == sorted(lagging.passed, reverse=True)
        if back > 2:
            length = max(len(text) - back + 1, 0)
            lagging.truncate(length)
            del text[length:]
            assert lagging.length == length


def test_several_texts_share_a_call_and_stay_apart(network):
    a, b = LaggingCache(network, (2, 6)), LaggingCache(network, (2, 6))
    feed([a, b], [[1, 2], [5]])
    feed([a], [[3]])
    deep = deepen([a, b], 1)
    for logits, text in zip(deep, ([1, 2, 3], [5]), strict=True):
        assert (logits - full_pass(network, text, 6)).abs().max() < 1e-4
    assert (a.num_waiting, b.num_waiting) == (0, 0)


def test_reopening_refuses_what_it_cannot(network):
    cache = network.new_cache()
    network.forward([Feed(cache, [1, 2])])
    with pytest.raises(ValueError, match="none pending"):
        cache.reopen(1)
    cache.keep([0, 1])
    with pytest.raises(ValueError, match="num=3"):
        cache.reopen(3)
    with pytest.raises(ValueError, match="length=5"):
        LaggingCache(network, (2, 6)).truncate(5)


def draft_of(seed: int = 7, size: int = 12) -> TinyModel:
    model = TinyModel(size, seed=seed, num_layers=3)
    for stop in (None, 1, 2):
        use_curve(model, CostCurve.flat(0.02 * (stop or 3) + 0.01), stop=stop)
    return model


@pytest.mark.parametrize("thresholds", [(0.0, 0.0), (0.3, 0.3), (1.0, 1.0), (0.2, 0.6)])
def test_texts_are_plain_in_ragged_batches_for_several_targets(thresholds):
    draft = draft_of()
    drafter = SortedDraft(draft, (1, 2, 3), thresholds, num_tokens=4)
    for seed in (7, 1):  # the draft's own distribution, and another
        target = TinyModel(12, seed=seed, num_layers=2)
        prompts = [[1, 2, 3], [4], list(range(10)) * 3]
        for recipe in (Recipe(drafter, pace=NeverSlower()), drafter, Fallback((PromptLookup(num_tokens=3), drafter))):
            done = run(target, recipe, [Request(prompt, 30, GREEDY, SampledDraws(0)) for prompt in prompts])
            assert [request.generated for request in done] == [greedy_text(target, prompt, 30) for prompt in prompts]


def test_tokens_leave_where_the_rule_says():
    draft, target = draft_of(), TinyModel(12, seed=1)
    drafter = SortedDraft(draft, (1, 2, 3), (0.5, 0.35), num_tokens=6)
    state = drafter.begin(drafter.remember(target), [1, 2])
    ask = Ask([1, 2], 2, state, 6, 6, GREEDY, SampledDraws(0))
    (tree,) = drafter.propose([ask])
    text = [1, 2]
    for token, grade in zip(tree.tokens, tree.grades, strict=True):
        rows = [full_pass(draft, text, layer) for layer in (1, 2, 3)]
        sure = [float(row.softmax(-1).max()) for row in rows]
        expected = 1 if sure[0] > 0.5 else 2 if sure[1] > 0.35 else 3
        assert (token, grade) == (int(rows[expected - 1].argmax()), expected)
        text.append(token)
    assert len(tree) == 6
    assert len(set(tree.grades)) >= 2


def test_asks_for_nothing_and_unsure_ends_keep_the_cache_in_step():
    draft, target = draft_of(), TinyModel(12, seed=1)
    drafter = SortedDraft(draft, (1, 2, 3), (0.4, 0.4), num_tokens=3)
    state, text = drafter.begin(drafter.remember(target), [1, 2]), [1, 2]
    for depth, threshold in ((2, None), (0, None), (3, 1.0), (0, None), (0, 0.5), (3, 0.0)):
        ask = Ask(
            list(text), 2, state, depth, depth, GREEDY, SampledDraws(0), choices=() if threshold is None else (ConfidenceStop(threshold),)
        )
        (tree,) = drafter.propose([ask])
        assert len(tree) == (1 if threshold == 1.0 else depth)
        fresh = replace(ask, state=drafter.begin(drafter.remember(target), text))
        assert tree == drafter.propose([fresh])[0]
        text += [*tree.tokens[:1], 5, 7]


def test_sampled_texts_do_not_depend_on_the_draft():
    target = TinyModel(12, seed=3)
    drafter = SortedDraft(draft_of(), (1, 2, 3))
    texts = [run(target, recipe, [Request([1, 2], 25, Sampler(), SampledDraws(4))])[0].generated for recipe in (drafter, Recipe())]
    assert texts[0] == texts[1]  # fixed candidates use the target's own coins


def test_costs_follow_the_exits_taken():
    draft = draft_of()
    drafter = SortedDraft(draft, (1, 2, 3), (0.0, 0.0))
    memory = drafter.remember(TinyModel(12))
    memory.taken[:] = [1.0, 0.0, 0.0]
    assert drafter.draft_cost(memory, 4) == pytest.approx(4 * 0.03)
    memory.taken[:] = [0.0, 0.0, 1.0]
    assert drafter.draft_cost(memory, 1) == pytest.approx(0.03 + 2 * (0.02 + 0.01))  # three heads
    assert drafter.draft_cost(memory, 100) == drafter.draft_cost(memory, 8)


def test_texts_beyond_the_drafts_positions_get_no_drafts():
    draft = TinyModel(12, num_layers=2, max_length=8)
    target = TinyModel(12, seed=1)
    done = run(target, SortedDraft(draft, (1, 2), num_tokens=2), [Request([1, 2, 3], 12, GREEDY, SampledDraws(0))])[0]
    assert done.generated == greedy_text(target, [1, 2, 3], 12)
    assert any(step.drafted for step in done.trace.steps)
    assert not done.trace.steps[-2].drafted


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"exits": ()}, "ascending"),
        ({"exits": (2, 1)}, "ascending"),
        ({"exits": (0, 3)}, "ascending"),
        ({"exits": (1, 3), "thresholds": (0.5, 0.5, 0.0)}, "each of 2 exits"),
        ({"exits": (1, 3), "thresholds": (1.5,)}, "probability"),
        ({"exits": (1, 3), "num_tokens": 0}, "num_tokens=0"),
        ({"exits": (1, 2)}, "draft's depth, 3"),
    ],
)
def test_wrong_settings(options, message):
    with pytest.raises(ValueError, match=message):
        SortedDraft(TinyModel(num_layers=3), **options).remember(TinyModel())


def test_another_vocabulary_is_refused():
    with pytest.raises(ValueError, match="logits are 5 wide, the target's 4"):
        SortedDraft(TinyModel(5, num_layers=3), (1, 3)).remember(TinyModel(4))


def test_the_last_exit_always_emits():
    assert SortedDraft(TinyModel(num_layers=3), (1, 3), (0.5, 0.9)).thresholds == (0.5, 0.0)
