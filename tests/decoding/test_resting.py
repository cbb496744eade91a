"""Drafters that rest: steps that they do not observe change no text, and they go on afterwards."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from foretell.decoding.constrained import Backtracking
from foretell.decoding.cost_curve import CostCurve
from foretell.decoding.draft_order import REST, DraftOrder
from foretell.decoding.drafters.prompt_lookup import PromptLookup
from foretell.decoding.drafters.stand import Stand
from foretell.decoding.draws import SampledDraws
from foretell.decoding.loop import Loop
from foretell.decoding.pace import Pace
from foretell.decoding.recipe import Recipe
from foretell.decoding.request import Request
from foretell.decoding.tree import Tree
from foretell.models.tiny import TinyModel
from tests.decoding.helpers import GREEDY, greedy_text, run


@dataclass(frozen=True)
class NowAndThen(Pace):
    """Three steps of drafts, then three of rest."""

    def begin(self, memory, alone=False):
        return [0]

    def limit(self, state, costs):
        state[0] += 1
        return DraftOrder(4, 4) if state[0] // 3 % 2 else REST


DRAFTERS = (
    "stand(orders=(2, 1))",
    "stand(orders=(2, 1), siblings='best-first', scope='global')",
    "token-recycling",
    "aded",
    "prompt-lookup",
    "adaptive-ngram",
    "prompt-lookup | token-recycling",
    "adaptive-ngram + stand(orders=(2, 1), siblings='best-first', scope='global')",
    "prompt-lookup > stand",
    "token-recycling ^ prompt-lookup",
    "forced >> token-recycling",
)


@pytest.mark.parametrize("drafter", DRAFTERS)
def test_texts_are_those_of_plain_decoding_and_drafts_are_accepted_after_a_rest(drafter):
    model = TinyModel(vocab_size=12, order=2, seed=3)  # so few contexts that the text soon repeats itself
    recipe = Recipe(Recipe.parse(drafter).drafter, pace=NowAndThen())
    assert recipe.drafter.traits.rests
    requests = [Request([seed, 1, 2, 5], 60, GREEDY, SampledDraws(seed)) for seed in range(3)]
    run(model, recipe, requests)
    for request in requests:
        assert request.generated == greedy_text(model, request.prompt, 60)
    late = [step for request in requests for step in request.trace.steps[8:]]
    assert any(step.accepted for step in late)


def test_what_a_resting_drafter_sees():
    calls = []

    @dataclass(frozen=True)
    class Noting(Stand):
        def observe_request(self, state, seen):
            calls.append(("observe", list(seen.fed)))
            super().observe_request(state, seen)
            assert state.tail == text_before(seen)

        def resume(self, memory, state, text):
            calls.append(("resume", len(text)))
            return super().resume(memory, state, text)

    def text_before(seen):
        read = len(request.tokens) - len(seen.tokens) + len(seen.path)  # rows that are in the cache now
        return request.tokens[:read][-2:]

    model = TinyModel(vocab_size=12, order=2, seed=3)
    request = Request([3, 1, 2, 5], 30, GREEDY, SampledDraws(0))
    run(model, Recipe(Noting((2, 1), 3, scope="request"), pace=NowAndThen()), [request])
    assert [name for name, _ in calls].count("resume") >= 2
    assert len([name for name, _ in calls if name == "observe"]) < len(request.trace.steps)


def test_drafters_that_need_every_step_are_never_left_out():
    calls = []

    @dataclass(frozen=True)
    class Needy(PromptLookup):
        @property
        def traits(self):
            from foretell.decoding.drafter import Traits

            return Traits()

        def observe_request(self, state, seen):
            calls.append(seen)

    request = Request([3, 1, 2, 5], 20, GREEDY, SampledDraws(0))
    run(TinyModel(vocab_size=12, order=2, seed=3), Recipe(Needy(), pace=NowAndThen()), [request])
    assert len(calls) == len(request.trace.steps)


def test_a_drafter_that_rested_reads_the_text_before_tokens_are_taken_back():
    """`rewind` promises a prefix of what was read. A rule's dead end comes while the drafter rests."""
    texts = []

    @dataclass(frozen=True)
    class Noting(PromptLookup):
        def begin(self, memory, text, cached=0):
            return list(text)

        def resume(self, memory, state, text):
            return list(text)

        def rewind(self, memory, state, text):
            texts.append((list(state), list(text)))
            return list(text)

        def propose(self, asks):
            return [Tree() for _ in asks]

        def observe_request(self, state, seen):
            state += seen.tokens

    @dataclass(frozen=True)
    class Resting(Pace):
        def limit(self, state, costs):
            return REST

    model = TinyModel(vocab_size=12, order=2, seed=3, spelling=[b"%d" % token for token in range(12)])
    loop = Loop(model, Recipe(Noting(), pace=Resting()), CostCurve.flat())
    request = Request([3, 1, 2, 5], 20, GREEDY, SampledDraws(0))
    running = loop.begin(request)
    for _ in range(6):
        loop.step([running])
    running.backtracking = Shortening()
    assert loop.step_back(running)
    assert [(read[: len(kept)], len(read)) for read, kept in texts] == [(request.tokens, len(request.tokens) + 1)]


class Shortening(Backtracking):
    """Takes back the last token, without a rule."""

    def step_back(self, request, vocabulary):
        del request.tokens[-1]
        return True
