"""The loop under a constraint: what is written obeys it, drafts are pruned, and texts end where the rule says so."""

from __future__ import annotations

import re

import pytest

from foretell.decoding.constrained import ConstrainedSampler, pruned
from foretell.decoding.constraint import ConstraintState, EndedState
from foretell.decoding.draws import SampledDraws
from foretell.decoding.paces.fixed import Fixed
from foretell.decoding.recipe import Recipe
from foretell.decoding.request import Request
from foretell.decoding.sampler import Candidates, NonFiniteLogitsError, Sampler
from foretell.decoding.samplers.logit_bias import LogitBias
from foretell.decoding.sampling_options import make_sampler
from foretell.decoding.session import Session
from foretell.decoding.token_set import TokenSet
from foretell.decoding.tree import Kind, Tree
from foretell.models.tiny import TinyModel
from foretell.models.vocabulary import Vocabulary
from foretell.rules.constraints.grammar import Grammar
from foretell.rules.constraints.regex import Regex
from foretell.rules.grammars.grammar_state import GrammarError
from foretell.rules.grammars.llguidance_engine import compile_grammar, from_regex
from foretell.testing.laws import SPELLING

STOP = len(SPELLING) - 1
MODEL = TinyModel(len(SPELLING), order=2, seed=5, sharpness=1.0, spelling=SPELLING)
VOCABULARY = Vocabulary.of(MODEL, {STOP})
SENTENCE = Regex("(ab|ba){2,6}c?")


def run(recipe="plain", constraint=SENTENCE, sampler=None, seeds=range(3), length=14, model=MODEL, stops=frozenset({STOP})):
    prompts = [[0, 1, 2, 0, 1, 0], [1, 1, 0], [3]]
    asked = [
        Request(prompts[seed % 3], length, sampler or Sampler(greedy=True), SampledDraws(seed), stops, constraint=constraint)
        for seed in seeds
    ]
    for _ in Session(model, Recipe.parse(f"{recipe}, pace=6")).run(asked):
        pass
    return asked


def text(request):
    return VOCABULARY.text(request.generated).decode()


@pytest.mark.parametrize(
    "recipe", ["plain", "forced", "prompt-lookup", "forced >> prompt-lookup | token-recycling", "forced > token-recycling"]
)
@pytest.mark.parametrize(
    "sampler", [Sampler(greedy=True), Sampler(), make_sampler(0.7, top_k=3, presence_penalty=1.0)], ids=["greedy", "softmax", "mix"]
)
def test_what_is_written_obeys_the_rule_whatever_drafts(recipe, sampler):
    asked, plain = run(recipe, sampler=sampler, seeds=range(9)), run(sampler=sampler, seeds=range(9))
    assert {request.finish_reason for request in asked} <= {"stop", "length"}
    finished = [request for request in asked if request.finish_reason == "stop"]
    assert finished
    assert all(re.fullmatch("(ab|ba){2,6}c?", text(request)) for request in finished)
    assert [request.generated for request in asked] == [request.generated for request in plain]  # fixed candidates


def test_a_text_ends_where_the_rule_allows_nothing_more_without_a_pass_for_it():
    [request] = run(constraint=Regex("abab"), seeds=[0])
    assert (text(request), request.finish_reason) == ("abab", "stop")
    assert request.trace.num_tokens == len(request.trace.decode_steps) == len(request.generated)
    assert "mask" in request.trace.seconds


def test_the_end_of_the_rule_wins_over_the_end_of_the_budget():
    [request] = run(constraint=Regex("ab"), seeds=[0], length=1)
    assert (request.generated, request.finish_reason) == ([2], "stop")


def test_forced_tokens_save_passes_and_change_nothing():
    rule = Grammar('start: "a" /[01]/ ", " "[" "true" ", " "true" "]" "c"')
    [plain], [forced] = run(constraint=rule, seeds=[0]), run("forced", constraint=rule, seeds=[0])
    assert plain.generated == forced.generated
    assert len(forced.trace.steps) <= 3 < len(plain.trace.steps)
    assert forced.trace.sources["forced"] >= 5


class Trap(ConstraintState):
    """Allows "a" once and then nothing, not even an end."""

    def __init__(self, vocabulary, written=False):
        self.vocabulary, self.written = vocabulary, written

    def allowed(self):
        return TokenSet.of([] if self.written else [0], self.vocabulary.size)

    def advance(self, token):
        return Trap(self.vocabulary, True)


def test_a_dead_end_is_said_and_keeps_what_was_written(monkeypatch):
    monkeypatch.setattr(Regex, "begin", lambda self, memory, prompt=(): Trap(VOCABULARY))
    for recipe in ("plain", "forced >> prompt-lookup"):
        [request] = run(recipe, constraint=Regex("a"), seeds=[0])
        assert (request.generated, request.finish_reason) == ([0], "dead-end")


class Maze(ConstraintState):
    """Words of a small dictionary over tokens; prefixes that lead nowhere are allowed and are dead ends."""

    WORDS = frozenset({(0, 0, 1), (1, 0)})
    PATHS = frozenset({(0,), (0, 0), (0, 1), (0, 1, 1), (0, 0, 0), (0, 0, 1), (1,), (1, 0)})

    def __init__(self, vocabulary, written=()):
        self.vocabulary, self.written = vocabulary, written

    def allowed(self):
        nexts = [path[-1] for path in self.PATHS if path[:-1] == self.written]
        return TokenSet.of([*nexts, *([STOP] if self.written in self.WORDS else [])], self.vocabulary.size)

    def advance(self, token):
        return Maze(self.vocabulary, (*self.written, token))


@pytest.mark.parametrize("recipe", ["plain", "forced >> prompt-lookup | token-recycling"])
def test_steps_back_out_of_dead_ends_within_a_budget(monkeypatch, recipe):
    monkeypatch.setattr(Regex, "begin", lambda self, memory, prompt=(): Maze(VOCABULARY))
    seen = set()
    for seed in range(12):
        for budget in (0, 1, 9):
            request = Request([0, 1, 2], 9, Sampler(), SampledDraws(seed), frozenset({STOP}), constraint=Regex("a"), max_backtracks=budget)
            for _ in Session(MODEL, Recipe.parse(f"{recipe}, pace=6")).run([request]):
                pass
            done = tuple(request.generated)
            assert (request.finish_reason == "stop") == (done in Maze.WORDS)
            assert request.num_backtracks <= budget
            assert request.trace.num_tokens == len(done)
            seen.add((budget, request.finish_reason, request.num_backtracks > 0))
    assert {(0, "dead-end", False), (9, "stop", True), (9, "stop", False)} <= seen
    assert (9, "dead-end", True) not in seen


class Doomed(ConstraintState):
    """Token 0 or 1, then six of any, then an end if the first was 1: the cause of every dead end is the first token."""

    def __init__(self, vocabulary, written=()):
        self.vocabulary, self.written = vocabulary, written

    def allowed(self):
        if len(self.written) == 7:
            return TokenSet.of([STOP] if self.written[0] else [], self.vocabulary.size)
        return TokenSet.of([0] if not self.written else [0, 1, 2, 3], self.vocabulary.size) | TokenSet.of([1], self.vocabulary.size)

    def advance(self, token):
        return Doomed(self.vocabulary, (*self.written, token))


def test_dead_ends_that_stay_are_left_by_jumps(monkeypatch):
    """One token at a time, 4 ** 6 texts would have to fail first."""
    monkeypatch.setattr(Regex, "begin", lambda self, memory, prompt=(): Doomed(VOCABULARY))
    jumped = 0
    for seed in range(12):
        request = Request([0, 1, 2], 9, Sampler(), SampledDraws(seed), frozenset({STOP}), constraint=Regex("a"), max_backtracks=60)
        for _ in Session(MODEL, Recipe.parse("plain")).run([request]):
            pass
        assert request.finish_reason == "stop"
        assert request.generated[0] == 1
        assert len(request.generated) == 7
        assert request.trace.num_tokens == 7
        jumped += request.num_backtracks > 0
    assert jumped


def test_pruning_takes_out_fixed_candidates_and_what_hangs_on_them_but_no_sampled_node():
    from foretell.decoding.distribution import Distribution

    q = Distribution.of([0.5, 0.5], size=len(SPELLING))
    tree = Tree()
    good = tree.add(2)
    bad = tree.add(9)
    tree.add(2, bad)
    sampled = tree.add(9, kind=Kind.SAMPLED, q=q)
    tree.add(0, sampled, Kind.SAMPLED, q)
    tree.add(2, good)
    tree.add(STOP, good)
    kept = pruned(tree, SENTENCE.start(VOCABULARY))
    assert (kept.tokens, kept.parents) == ([2, 9, 2], [-1, -1, 0])  # the rule wants two pairs before an end
    assert pruned(kept, SENTENCE.start(VOCABULARY)) is kept


def test_states_stay_good_when_others_went_on():
    start = SENTENCE.start(VOCABULARY)
    before = start.allowed().ids.tolist()
    left, right = start.advance(0), start.advance(1)
    assert left.allowed().ids.tolist() == [1, 3]  # "ba" ends one pair and begins another
    assert 0 in right.allowed().ids.tolist()
    deep = left.advance(1).advance(2)
    assert start.allowed().ids.tolist() == before
    assert left.allowed().ids.tolist() == [1, 3]  # "ba" ends one pair and begins another
    assert deep.accepting
    assert isinstance(deep.advance(STOP), EndedState)
    with pytest.raises(ValueError, match="not allowed here"):
        start.advance(9)
    with pytest.raises(ValueError, match="follows a stop token"):
        deep.advance(STOP).advance(0)


def test_requests_of_a_batch_do_not_disturb_each_other():
    together = [request.generated for request in run(sampler=Sampler(), seeds=range(6))]
    alone = [run(sampler=Sampler(), seeds=[seed])[0].generated for seed in range(6)]
    assert together == alone


def test_a_rule_needs_a_stop_token_and_a_spelling():
    with pytest.raises(ValueError, match="no stop token"):
        run(stops=frozenset())
    with pytest.raises(ValueError, match="neither a tokenizer nor a spelling"):
        run(model=TinyModel(4), stops=frozenset({3}))


def test_what_the_engine_refuses_is_said_with_the_argument():
    for rule, word in (
        (Regex(r"(a*)\1"), "pattern="),
        (Regex("(?=a)b"), "no text matches"),
        (Regex(r"\z"), "ECMA"),
    ):
        with pytest.raises(ValueError, match=word):
            rule.start(VOCABULARY)
    with pytest.raises(ValueError, match="source"):
        Grammar("start: missing")
    with pytest.raises(GrammarError):
        compile_grammar(from_regex("(" * 5), VOCABULARY)


def test_a_bias_that_forbids_all_that_is_allowed_is_an_error():
    with pytest.raises(ValueError, match="probability 0"):
        run(constraint=Regex("a|b"), sampler=Sampler((LogitBias((0, 1), (float("-inf"),) * 2),)), seeds=[0])


def test_a_drafter_sees_the_rule_at_the_node_that_it_drafts_from():
    import torch

    state = Regex("(ab|ba)+").start(VOCABULARY)
    sampler = ConstrainedSampler.of(Sampler(), state, 1)
    row = torch.zeros(len(SPELLING))
    assert sampler.distribution(row, [7]).ids.tolist() == [0, 1, 2, 3]
    assert sampler.distribution(row, [7, 0]).ids.tolist() == [1, 3]
    assert len(sampler.distribution(row, [7, 9]).ids) == len(SPELLING)  # broke the rule: anything goes, and nothing is kept
    some = Candidates(torch.zeros(3), torch.tensor([1, 4, 9]), len(SPELLING))
    assert sampler.distribution_of(some, [7]).ids.tolist() == [1]
    with pytest.raises(NonFiniteLogitsError):
        sampler.distribution_of(some, [7, 1, 0, 1])
    assert sampler.replace(greedy=True).distribution(row, [7]).ids.tolist() == [0]


def test_forced_behind_which_nothing_else_than_forced_may_stand_first():
    from foretell.decoding.drafters.prompt_lookup import PromptLookup
    from foretell.decoding.drafters.then import Then

    assert str(Recipe.parse("forced >> prompt-lookup | token-recycling > aded")).startswith(
        "forced >> ((prompt-lookup | token-recycling) > aded)"
    )
    with pytest.raises(ValueError, match="`forced` and one other"):
        Then((PromptLookup(), PromptLookup()))
    assert Recipe.parse("forced > prompt-lookup, pace=4") == Recipe.parse("forced>prompt-lookup, pace=4")
    assert Recipe.parse("forced >> prompt-lookup").drafter == Recipe.parse("forced>>prompt-lookup").drafter
    assert isinstance(Recipe.parse("forced").pace, type(Recipe().pace))
    assert Fixed().num_nodes
