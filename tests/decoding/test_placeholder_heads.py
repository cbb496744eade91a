"""Queries ride in the target's pass and leave no trace; placeholders' words become drafts."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
import torch

from foretell.decoding.drafter import Ask, Drafter, Queries, Seen
from foretell.decoding.drafters.placeholder_heads import PlaceholderHeads
from foretell.decoding.drafters.prompt_lookup import PromptLookup
from foretell.decoding.drafters.union import Union
from foretell.decoding.draws import SampledDraws
from foretell.decoding.paces.fixed import Fixed
from foretell.decoding.recipe import Recipe
from foretell.decoding.request import Request
from foretell.decoding.tree import ROOT, Tree
from foretell.decoding.verifier import Target
from foretell.decoding.verifiers.confidence import Confidence
from foretell.models.base import POST_NORM, Feed, Model
from foretell.models.tiny import TinyModel
from foretell.parts import Needs
from tests.decoding.helpers import GREEDY, ask, greedy_text, run
from tests.models.zoo import build


@dataclass(frozen=True)
class Curious(Drafter):
    """Drafts a small tree and asks behind its nodes; keeps what it was shown, with the text of each step's root."""

    seen: list = field(default_factory=list, compare=False)
    name: str = "curious"
    tokens: tuple[int, ...] = (5, 6, 7)

    @property
    def needs(self):
        return Needs(hidden=(POST_NORM,))

    def begin(self, memory, text, cached=0):
        return list(text)

    def propose(self, asks):
        trees = []
        for each in asks:
            tree = Tree()
            tree.add(1, tree.add(2))
            tree.add(3)
            trees.append(tree.clip(each.num_nodes, each.depth))
        return trees

    def queries(self, state, tree):
        behind = len(tree) - 1  # the last node, or the root
        return Queries(list(self.tokens), [ROOT, behind, len(tree) + 1])

    def observe_request(self, state, seen: Seen):
        self.seen.append((list(state), seen))
        state += seen.tokens


@pytest.mark.parametrize("name", ["tiny", "torch-llama", "cpu-llama-fp32"])
def test_query_rows_are_the_models_rows_and_leave_no_trace(name):
    model, drafter = build(name), Curious()
    prompt = [3, 14, 15, 9, 2]
    request = run(model, drafter, [Request(prompt, 12, GREEDY, SampledDraws(0))])[0]
    assert request.generated == greedy_text(model, prompt, 12)
    assert len(drafter.seen) > 3
    for text, seen in drafter.seen:
        tree = seen.tree
        if seen is drafter.seen[-1][1]:  # its token is the last one, so nobody is asked for more
            assert len(tree) == len(seen.query_logits) == 0
            continue
        assert seen.query_logits.shape == (3, model.vocab_size)
        assert len(seen.fed) == len(seen.hidden[POST_NORM]) == len(seen.logits) + len(seen.fed) - len(tree) - 1
        last = [tree.tokens[node] for node in tree.path(len(tree) - 1)] if len(tree) else []
        for row, path in enumerate(([5], [*last, 6], [*last, 6, 7])):
            fresh = model.forward([Feed(model.new_cache(), [*text, *path], num_logits=1)], hidden=[POST_NORM])[0]
            assert torch.allclose(seen.query_logits[row], fresh.logits[-1], atol=1e-4)
            assert torch.allclose(seen.query_hidden[POST_NORM][row], fresh.hidden[POST_NORM][-1], atol=1e-4)


def test_the_cache_holds_the_accepted_text_alone():
    model, lengths = TinyModel(50), []

    class Watched(TinyModel):
        def _forward(self, feeds, hidden, start, stop):
            lengths.extend((feed.cache.length, list(feed.cache.tokens)) for feed in feeds)
            return super()._forward(feeds, hidden, start, stop)

    watched = Watched(50)
    request = run(watched, PlaceholderHeads(4, 0.01, placeholder=49), [Request([1, 2, 3], 30, GREEDY, SampledDraws(0))])[0]
    assert request.generated == greedy_text(model, [1, 2, 3], 30)
    for length, tokens in lengths:
        assert tokens == request.tokens[:length]


def test_a_composite_gives_each_part_its_own_rows():
    model = TinyModel(50)
    one, other = Curious(name="one"), Curious(name="other", tokens=(8, 9, 10))
    run(model, Union((one, other)), [Request([1, 2, 3], 9, GREEDY, SampledDraws(0))])
    for drafter in (one, other):
        assert len(drafter.seen) > 3
        for text, seen in drafter.seen[:-1]:
            fresh = model.forward([Feed(model.new_cache(), [*text, drafter.tokens[0]], num_logits=1)])[0].logits[-1]
            assert torch.equal(seen.query_logits[0], fresh)


def test_queries_beyond_the_context_are_not_asked():
    model, drafter = TinyModel(50, max_length=12), Curious()
    request = run(model, drafter, [Request([1, 2, 3, 4], 20, GREEDY, SampledDraws(0))])[0]
    assert request.finish_reason == "context"
    assert request.generated == greedy_text(model, [1, 2, 3, 4], 8)
    assert len(drafter.seen[-1][1].query_logits) == 0
    assert len(drafter.seen[0][1].query_logits) == 3


@pytest.mark.parametrize("behind", ["end", "all"])
def test_what_placeholders_say_is_drafted_next(behind):
    model = TinyModel(8, order=3, seed=2, sharpness=3.0)
    drafter = PlaceholderHeads(3, 0.01, no_repeat=False, placeholder=7, behind=behind)
    request = run(model, drafter, [Request([1, 2, 3], 60, GREEDY, SampledDraws(0))])[0]
    assert request.generated == greedy_text(model, [1, 2, 3], 60)
    text, whole, drafted = [1, 2, 3], True, 0
    said: list[int] = []
    for step in request.trace.decode_steps:
        assert step.drafted == said[: len(step.drafted)]
        assert len(step.drafted) == min(len(said), 60 - (len(text) - 3) - 1)
        drafted += len(step.drafted)
        whole = len(step.accepted) == len(step.drafted)
        text += step.tokens
        said = []
        if whole or behind == "all":
            for more in ([7], [7, 7]):
                row = model.forward([Feed(model.new_cache(), [*text[:-1], *more], num_logits=1)])[0].logits[-1]
                row[7] = -torch.inf  # a placeholder is never proposed
                said.append(int(row.argmax()))
    assert drafted > 10
    assert request.trace.tokens_per_step > 1 or behind == "end"


def test_spans_end_where_they_are_unsure_or_repeat():
    drafter = PlaceholderHeads(5, 0.5, placeholder=9)
    state = drafter.begin(TinyModel(10), [1])

    def span(said, drafter=drafter):
        state.predictions = said
        return drafter.propose([ask([1], state)])[0]

    assert span([(2, 0.9), (3, 0.5), (4, 0.4), (5, 0.9)]).tokens == [2, 3]
    assert span([(2, 0.9), (3, 0.5)]).confidences == [0.9, 0.5]
    assert span([(1, 0.9), (3, 0.9)]).tokens == []  # equals the last token of the text
    assert span([(2, 0.9), (3, 0.9), (2, 0.9), (3, 0.9)]).tokens == [2, 3, 2]  # the pair 2, 3 a second time
    assert span([(2, 0.9), (2, 0.9)]).tokens == [2]
    assert span([(2, 0.9), (2, 0.9)], drafter.replace(no_repeat=False)).tokens == [2, 2]


def test_a_stop_token_inside_a_span_ends_the_text():
    """Under the lossy verifier, which takes the span as it is."""

    class Sure(TinyModel):
        """Placeholders say 4, 5, 6 with certainty; the model's own tokens are as ever."""

        def _forward(self, feeds, hidden, start, stop):
            results = super()._forward(feeds, hidden, start, stop)
            for feed, rows in zip(feeds, results, strict=True):
                holes = [i for i, token in enumerate(feed.tokens[len(feed) - len(rows.logits) :]) if token == 9]
                rows.logits = rows.logits.clone()
                for number, i in enumerate(holes):
                    rows.logits[i] = -1e9
                    rows.logits[i, 4 + number] = 0.0
            return results

    recipe = Recipe(PlaceholderHeads(4, placeholder=9), Confidence(), Fixed(8))
    free = run(Sure(10), recipe, [Request([1, 2], 30, GREEDY, SampledDraws(0))])[0]
    assert free.generated[1:4] == [4, 5, 6]
    assert free.trace.guarantee == "lossy"
    assert free.trace.tokens_per_step > 2.5
    stopped = run(Sure(10), recipe, [Request([1, 2], 30, GREEDY, SampledDraws(0), frozenset({5}))])[0]
    assert (stopped.generated, stopped.finish_reason) == ([free.generated[0], 4], "stop")


def test_lookup_and_placeholders_together():
    model = TinyModel(8, order=2, seed=2, sharpness=3.0)
    recipe = Recipe(Union((PromptLookup(num_tokens=3), PlaceholderHeads(3, 0.01, placeholder=7))), pace=Fixed(8))
    request = run(model, recipe, [Request([1, 2, 3, 1, 2], 40, GREEDY, SampledDraws(0))])[0]
    assert request.generated == greedy_text(model, [1, 2, 3, 1, 2], 40)


def suppressing(*tokens: int) -> Model:
    model = TinyModel(5)
    model.suppressed = tokens
    return model


def test_suppressed_tokens_are_never_generated():
    model = suppressing(4, 2)
    rows = model.forward([Feed(model.new_cache(), [0, 1, 4])])[0].logits
    assert torch.isinf(rows[:, [2, 4]]).all()
    assert torch.isfinite(rows[:, [0, 1, 3]]).all()
    assert torch.equal(rows[:, [0, 1, 3]], TinyModel(5).forward([Feed(model.new_cache(), [0, 1, 4])])[0].logits[:, [0, 1, 3]])
    assert not {2, 4} & set(run(model, Recipe(), [Request([0], 40, GREEDY, SampledDraws(0))])[0].generated)


def test_the_placeholder_is_the_models_or_named():
    assert PlaceholderHeads().begin(suppressing(3), [0]).placeholder == 3
    for model in (suppressing(), suppressing(1, 3)):
        with pytest.raises(ValueError, match=r"placeholder=None, but the model suppresses [02] tokens"):
            PlaceholderHeads().remember(model)
    with pytest.raises(ValueError, match="placeholder=5 is outside the vocabulary of 5"):
        PlaceholderHeads(placeholder=5).remember(suppressing())
    with_text = suppressing(3)
    with_text.tokenizer = object()
    with pytest.raises(ValueError, match="placeholder=2 is a token that the model may generate"):
        PlaceholderHeads(placeholder=2).remember(with_text)
    assert PlaceholderHeads(placeholder=3).remember(with_text) is with_text


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PlaceholderHeads(1), "num_tokens=1 must be at least 2"),
        (lambda: PlaceholderHeads(min_confidence=0.0), "min_confidence=0.0 must be a probability above 0"),
        (lambda: PlaceholderHeads(min_confidence=1.1), "min_confidence=1.1"),
        (lambda: PlaceholderHeads(behind="first"), "behind='first' must be one of end, all"),
        (lambda: Confidence(0.0), "beta=0.0 must be a probability above 0"),
        (lambda: Confidence(1.01), "beta=1.01"),
    ],
)
def test_bad_settings_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_confidence_takes_what_is_sure_and_lets_the_target_decide_the_rest():
    model = TinyModel(6, order=2, seed=1)
    sure = Tree()
    sure.add(1, sure.add(0, confidence=0.95), confidence=0.85)
    row = model.forward([Feed(model.new_cache(), [2, 3], num_logits=1)])[0].logits[-1]
    distribution = GREEDY.distribution(row, [2, 3], 2)
    other = 1 if int(row.argmax()) != 1 else 0

    def decide(beta, *tokens, confidence=None):
        tree = Tree()
        for token in tokens:
            tree.add(token, confidence=confidence)
        return Confidence(beta).decide(tree, Target(lambda node: distribution), SampledDraws(0), 2)

    best = int(row.argmax())
    assert decide(0.9, other, confidence=0.9).path == [0]  # a tie with beta is accepted
    assert decide(0.91, other, confidence=0.9).path == []  # refused by the target
    assert decide(0.91, best, confidence=0.9).path == [0]  # accepted by the target
    assert decide(0.5, other).path == []  # says nothing of its confidence
    assert sure.subtree([0, 1]).confidences == Tree().union(sure).confidences == [0.95, 0.85]
    assert isinstance(ask([1]), Ask)
