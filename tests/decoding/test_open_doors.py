"""The contracts admit what comes next: heads on hidden states, verifiers that read them and remember, texts that are cut back."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field

import pytest
import torch

from foretell.decoding.constraint import Constraint, ConstraintState
from foretell.decoding.draws import SampledDraws
from foretell.decoding.paces.fixed import Fixed
from foretell.decoding.recipe import Recipe
from foretell.decoding.request import Request
from foretell.decoding.sampler import Sampler
from foretell.decoding.samplers.top_p import TopP
from foretell.decoding.session import Session
from foretell.decoding.token_set import TokenSet
from foretell.decoding.tree import Kind
from foretell.decoding.verifier import Guarantee, Verifier
from foretell.decoding.verifiers.exact import Exact
from foretell.decoding.verifiers.fixed_candidates import FixedCandidates
from foretell.models.base import POST_NORM, Feed
from foretell.models.tiny import TinyModel
from foretell.parts import Needs
from foretell.testing import behaviour
from foretell.testing.laws import LawCase, check_law
from tests.decoding.toy_heads import ToyHeads

GREEDY = Sampler(greedy=True)
SPELLING = (b"a", b"b", b"c", b"d", None)
STOP = 4
MODEL = TinyModel(5, order=2, seed=3, sharpness=1.0, spelling=SPELLING)


def post_norm(model, text):
    """The states of a text that is read at once."""
    return model.forward([Feed(model.new_cache(), text)], hidden=(POST_NORM,))[0].hidden[POST_NORM]


@pytest.mark.parametrize("verifier", [Exact(), FixedCandidates()], ids=repr)
@pytest.mark.parametrize("sampler", [Sampler(), Sampler((TopP(0.8),)), GREEDY], ids=repr)
@pytest.mark.parametrize(("batch", "length"), [(1, 3), (3, 2)])
def test_a_toy_head_keeps_the_law(verifier, sampler, batch, length):
    for pace in (Fixed(3), None):
        recipe = Recipe(ToyHeads(), verifier) if pace is None else Recipe(ToyHeads(), verifier, pace)
        assert check_law(recipe, sampler, LawCase.small(batch, length)).error < 1e-9


def test_a_toy_head_drafts_within_its_limits_and_each_request_for_itself():
    behaviour.check_drafter(ToyHeads())


def test_the_states_of_a_toy_head_are_those_of_the_text():
    """Also where the text comes in pieces, in a batch, and where drafts were rejected."""
    session = Session(MODEL, Recipe(ToyHeads(), pace=Fixed(3)))
    requests = [Request([i % 4 for i in range(n)], 20, Sampler(), SampledDraws(n)) for n in (3, 300, 600)]
    states = []
    begin = session.loop.begin

    def noting(request):
        running = begin(request)
        states.append(running.draft_state)
        return running

    session.loop.begin = noting  # type: ignore[method-assign]
    for _ in session.run(requests):
        pass
    for request, state in zip(requests, states, strict=True):
        assert any(step.accepted for step in request.trace.steps)
        read = request.tokens[: state.length]
        assert len(read) >= len(request.tokens) - 1
        assert torch.equal(state.features, post_norm(MODEL, read))


class Maze(ConstraintState):
    """Words of tokens; some prefixes of words lead nowhere."""

    WORDS = frozenset({(0, 0, 1), (1, 0)})
    PATHS = frozenset({(0,), (0, 0), (0, 1), (0, 1, 1), (0, 0, 0), (0, 0, 1), (1,), (1, 0)})

    def __init__(self, vocabulary, written=()):
        self.vocabulary, self.written = vocabulary, written

    def allowed(self):
        nexts = [path[-1] for path in self.PATHS if path[:-1] == self.written]
        return TokenSet.of([*nexts, *([STOP] if self.written in self.WORDS else [])], self.vocabulary.size)

    def advance(self, token):
        return Maze(self.vocabulary, (*self.written, token))


@dataclass(frozen=True)
class Words(Constraint):
    """The maze, as a constraint."""

    def remember(self, vocabulary):
        return vocabulary

    def begin(self, memory, prompt=()):
        return Maze(memory)


@dataclass(frozen=True)
class Checking(ToyHeads):
    """Compares its states with those of the text whenever it is asked, and notes whether it had all of them."""

    noted: list = field(default_factory=list, compare=False)
    name = "checking"

    def propose(self, asks):
        for ask in asks:
            assert torch.equal(ask.state.features, post_norm(MODEL, ask.tokens)[: ask.state.length])
            self.noted.append(ask.state.length == len(ask.tokens) - 1)
        return super().propose(asks)

    def rewind(self, memory, state, text):
        self.noted.append("rewind")
        return super().rewind(memory, state, text)


def test_a_toy_head_goes_on_after_tokens_were_taken_back():
    """The states of the kept text stay: their rows do not come again, and a head without them would draft no more."""
    drafter, ends = Checking(), set()
    for seed in range(12):
        request = Request([0, 1, 2], 9, Sampler(), SampledDraws(seed), frozenset({STOP}), constraint=Words(), max_backtracks=9)
        for _ in Session(MODEL, Recipe(drafter, pace=Fixed(3))).run([request]):
            pass
        assert tuple(request.generated) in Maze.WORDS
        ends.add(request.num_backtracks > 0)
    assert ends == {True, False}
    following = [after for before, after in itertools.pairwise(drafter.noted) if before == "rewind" and after != "rewind"]
    assert len(following) > 3
    assert all(following), "after a rewind it has the states of all tokens but the last, and drafts at once"


@dataclass
class _Judged:
    """direction: (width,). accepted: drafted tokens that the judge let pass in this request."""

    direction: torch.Tensor
    accepted: int = 0


@dataclass(frozen=True)
class ToyJudge(Verifier[torch.Tensor, _Judged]):
    """Accepts a drafted token whose own row's state points along a fixed direction, `most` of them a request; else the model decides.

    Guarantee: lossy; condition: what the direction likes is written unchecked. Needs: post-norm states. State: what it let pass.
    """

    bound: float = 0.0
    most: int = 1000

    guarantee = Guarantee("lossy", "what a fixed direction likes is written unchecked")
    kinds = frozenset({Kind.FIXED})

    @property
    def needs(self):
        return Needs(hidden=(POST_NORM,))

    def remember(self, model):
        return direction_of(model)

    def begin(self, memory, text):
        return _Judged(memory)

    def choose(self, p, siblings, tree, draws):
        return FixedCandidates().choose(p, siblings, tree, draws)

    def decide(self, tree, target, draws, position, state=None):
        def choose(node, siblings, here):
            p = target.distribution(node)
            for child in siblings:
                if state.accepted < self.most and float(target.hidden(child)[POST_NORM] @ state.direction) > self.bound:
                    state.accepted += 1
                    return child, p
            return self.choose(p, siblings, tree, here)

        return self.walk(tree, choose, draws, position)


def direction_of(model):
    return torch.randn(model.width, generator=torch.Generator().manual_seed(5))


def judged(verifier):
    request = Request([0, 1, 2], 24, GREEDY, SampledDraws(0))
    for _ in Session(MODEL, Recipe(ToyHeads(), verifier, Fixed(4))).run([request]):
        pass
    return request


def num_accepted(request):
    return sum(len(step.accepted) for step in request.trace.steps)


def test_a_toy_judge_reads_the_rows_of_drafted_tokens_and_remembers():
    never, always, once = (judged(ToyJudge(*options)) for options in ((math.inf,), (-math.inf,), (-math.inf, 1)))
    assert never.generated == judged(FixedCandidates()).generated
    assert never.trace.guarantee == "lossy"
    assert num_accepted(never) < num_accepted(once) < num_accepted(always)
    some, text = judged(ToyJudge(0.5)), [0, 1, 2]
    for step in some.trace.steps:  # what was accepted against the model's own choice has a state along the direction
        for token in step.tokens[: len(step.accepted)]:
            states = post_norm(MODEL, [*text, token])
            assert token == int(MODEL.head(states[-2:-1]).argmax()) or float(states[-1] @ direction_of(MODEL)) > 0.5
            text.append(token)
        text += step.tokens[len(step.accepted) :]
    assert some.generated != never.generated
