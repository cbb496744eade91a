"""Best-first and exhaustive search against brute force: every text of a language scored by a forward pass of its own."""

from __future__ import annotations

import itertools
import math
import random

import pytest
import torch

from foretell.decoding.sampler import NonFiniteLogitsError
from foretell.decoding.search import Goal
from foretell.decoding.searches.beam_search import BeamSearch
from foretell.decoding.searches.best_first_search import BestFirstSearch
from foretell.decoding.searches.exhaustive_search import ExhaustiveSearch
from foretell.decoding.searches.superposed import Superposed
from foretell.decoding.searching.greedy_path import greedy_path
from foretell.models.base import Feed
from foretell.models.tiny import TinyModel
from foretell.rules.constraints.regex import Regex
from foretell.rules.constraints.substrings import Substrings
from foretell.testing.contracts import check_part
from tests.models.zoo import MODELS, build

SPELLING = (b"a", b"b", b"ab", b" ", b" a", b"c", None, None)
STOPS = frozenset({6, 7})
PROMPT = [1, 2, 0]


def score_of(model, prompt, tokens, stops=STOPS):
    """log P(tokens, then any stop token), by one forward pass on a cache of its own."""
    [rows] = model.forward([Feed(model.new_cache(), [*prompt, *tokens])])
    distributions = rows.logits.double().log_softmax(-1)
    first = len(prompt) - 1
    ending = float(distributions[-1, sorted(stops)].logsumexp(0)) if stops else 0.0
    return sum(float(distributions[first + i, token]) for i, token in enumerate(tokens)) + ending


def case_of(seed):
    rng = random.Random(seed)
    passage = "".join(rng.choice("abc ab") for _ in range(rng.randint(2, 12))).strip() or "ab"
    model = TinyModel(len(SPELLING), order=rng.randint(0, 2), seed=seed, sharpness=rng.choice([0.5, 1.5, 4.0]), spelling=SPELLING)
    words = rng.random() < 0.5
    rule = Substrings(passage, None if words else rng.choice([None, 3]), retokenize=rng.random() < 0.3, words=words)
    return model, Goal(PROMPT, 14, STOPS, constraint=rule)


def language(model, goal):
    """All texts that the goal allows, found by walking its constraint on its own."""
    from foretell.models.vocabulary import Vocabulary

    texts, todo = [], [((), goal.constraint.start(Vocabulary.of(model, goal.stop_tokens), goal.prompt))]
    while todo:
        tokens, state = todo.pop()
        allowed = set(state.allowed().ids.tolist())
        if allowed & goal.stop_tokens and len(tokens) < goal.max_new_tokens:
            texts.append(tokens)
        if len(tokens) + 1 < goal.max_new_tokens:
            todo += [((*tokens, token), state.advance(token)) for token in allowed - goal.stop_tokens]
    return texts


@pytest.mark.parametrize("part", [*BestFirstSearch.examples(), *ExhaustiveSearch.examples(), *Substrings.examples()])
def test_contract(part):
    check_part(part)


@pytest.mark.parametrize("seed", range(50))
def test_both_searches_are_brute_force(seed):
    model, goal = case_of(seed)
    expected = {tokens: score_of(model, PROMPT, tokens) for tokens in language(model, goal)}
    best = max(expected.values())
    for search in (BestFirstSearch(), BestFirstSearch(batch=1), BestFirstSearch(batch=3, most_rows=2), ExhaustiveSearch()):
        found = search.run(model, goal, None)
        [text, *_] = found.hypotheses
        assert text.score == pytest.approx(best, abs=1e-9)
        assert expected[text.tokens[:-1]] == pytest.approx(best, abs=1e-9)
        assert found.proof.optimal
        assert found.finish_reason == "stop"
        assert found.cache.length == len(PROMPT)
    every = ExhaustiveSearch(k=None).run(model, goal, None)
    assert {text.tokens[:-1]: text.score for text in every.hypotheses} == pytest.approx(expected, abs=1e-9)
    copied = greedy_path(model, goal)
    assert copied.tokens[:-1] in expected
    assert copied.score == pytest.approx(expected[copied.tokens[:-1]], abs=1e-9)
    assert copied.score <= best + 1e-9


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("length_penalty", [0.0, 0.7, 1.0])
def test_the_k_best_and_scores_by_length(seed, length_penalty):
    model, goal = case_of(seed)
    rank = lambda text: text.score / len(text.tokens) ** length_penalty  # noqa: E731
    every = ExhaustiveSearch(k=None, length_penalty=length_penalty).run(model, goal, None).hypotheses
    assert [rank(text) for text in every] == sorted(map(rank, every), reverse=True)
    found = BestFirstSearch(k=4, length_penalty=length_penalty).run(model, goal, None)
    assert [rank(text) for text in found.hypotheses[:4]] == pytest.approx([rank(text) for text in every[:4]], abs=1e-9)
    assert found.proof.num_proven >= min(4, len(every))


@pytest.mark.parametrize("stops", [frozenset(), frozenset({3})])
@pytest.mark.parametrize("seed", range(6))
def test_without_a_constraint_texts_of_full_length_count_too(seed, stops):
    model = TinyModel(5, order=2, seed=seed)
    expected = {}
    for text in itertools.product(range(5), repeat=3):
        length = next((i + 1 for i, token in enumerate(text) if token in stops), 3)
        tokens = text[:length]
        expected[tokens] = score_of(model, PROMPT, tokens, stops=())
    best = sorted(expected, key=expected.get, reverse=True)[:3]
    found = BestFirstSearch(k=3).run(model, Goal(PROMPT, 3, stops), None)
    assert [text.tokens for text in found.hypotheses] == best
    assert [text.score for text in found.hypotheses] == pytest.approx([expected[tokens] for tokens in best], abs=1e-6)


def test_a_spent_budget_says_how_much_better_a_text_may_be():
    gaps = 0
    for seed in range(30):
        model, goal = case_of(seed)
        best = ExhaustiveSearch().run(model, goal, None).hypotheses[0].score
        found = BestFirstSearch(most_nodes=3, batch=2).run(model, goal, None)
        assert found.proof.num_expanded <= 3
        if found.proof.optimal:
            assert found.hypotheses[0].score == pytest.approx(best)
            continue
        assert found.finish_reason == "nodes"
        gaps += 1
        assert found.proof.gap > 0
        if found.hypotheses[0].finished:
            assert found.hypotheses[0].score + found.proof.gap >= best - 1e-9
        else:
            assert math.isinf(found.proof.gap)
            assert found.proof.bound >= best
    assert gaps >= 5


def test_time_and_context_end_a_search_without_a_proof():
    model, goal = case_of(1)
    goal.max_seconds = 1e-9
    found = BestFirstSearch().run(model, goal, None)
    assert (found.finish_reason, found.proof.num_expanded) == ("time", 1)
    short = TinyModel(len(SPELLING), seed=1, spelling=SPELLING, max_length=len(PROMPT) + 1)
    found = BestFirstSearch().run(short, Goal(PROMPT, 9, STOPS, constraint=Regex("[abc ]{3}")), None)
    assert (found.finish_reason, found.proof.optimal) == ("context", False)
    with pytest.raises(ValueError, match="prompt has 4 tokens, but the model was made for 4"):
        BestFirstSearch().run(short, Goal([*PROMPT, 1], 9, STOPS), None)


def test_another_constraint_is_searched_as_well():
    model = TinyModel(len(SPELLING), order=2, seed=5, spelling=SPELLING)
    goal = Goal(PROMPT, 5, STOPS, constraint=Regex("(ab|ba)*a?"))
    best = max(score_of(model, PROMPT, tokens) for tokens in language(model, goal))
    found = BestFirstSearch().run(model, goal, None)
    assert found.hypotheses[0].score == pytest.approx(best, abs=1e-9)
    assert found.proof.optimal


@pytest.mark.parametrize("name", [name for name in MODELS if "bf16" not in name])
def test_trees_on_every_cache(name, monkeypatch):
    """Rows that hang on a prompt's cache over many passes are those of a pass of their own, also where few fit."""
    model = build(name)
    rng = random.Random(2)
    letters = [chr(ord("a") + i % 26).encode() * (1 + i // 26) for i in range(49)]
    monkeypatch.setattr(model, "spelling", (*letters, None))
    monkeypatch.setattr(model, "vocabularies", {}, raising=False)
    passage = "".join(rng.choice("abcdefgh") for _ in range(14))
    goal = Goal(list(range(9)), 12, frozenset({49}), constraint=Substrings(passage, words=False))
    expected = max(score_of(model, goal.prompt, tokens, {49}) for tokens in language(model, goal))
    for search in (BestFirstSearch(), BestFirstSearch(batch=4, most_rows=6), ExhaustiveSearch(batch=7, most_rows=20)):
        assert search.run(model, goal, None).hypotheses[0].score == pytest.approx(expected, abs=1e-3)


def test_wide_beams_under_a_constraint_find_the_best_text():
    for seed in range(20):
        model, goal = case_of(seed)
        every = {text.tokens[:-1]: text.score for text in ExhaustiveSearch(k=None).run(model, goal, None).hypotheses}
        found = BeamSearch(k=4, length_penalty=0.0).run(model, goal, None)
        assert found.hypotheses
        for text in found.hypotheses:
            if text.finished:
                assert text.tokens[:-1] in every
        if len(every) <= 2:
            assert found.hypotheses[0].tokens[:-1] == max(every, key=every.get)


def test_one_row_for_all_drafts_cannot_keep_a_constraint():
    with pytest.raises(ValueError, match=r"goal.constraint=.*take beam-search or best-first-search"):
        Superposed(k=1).run(TinyModel(8, spelling=SPELLING), Goal(PROMPT, 3, STOPS, constraint=Regex("a+")), None)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BestFirstSearch(k=0), "k=0 must be at least 1"),
        (lambda: BestFirstSearch(most_rows=0), "most_rows=0"),
        (lambda: BestFirstSearch(length_penalty=-1.0), "no bound would hold"),
        (lambda: ExhaustiveSearch(k=0), "k=0"),
        (lambda: ExhaustiveSearch().run(TinyModel(), Goal(PROMPT, 3), None), "endless texts"),
        (lambda: ExhaustiveSearch(most_nodes=2).run(*case_of(0), None), "most_nodes=2 is below the language's"),
        (lambda: BestFirstSearch().run(case_of(0)[0], Goal(PROMPT, 3, constraint=Substrings("ab")), None), "no stop token"),
    ],
)
def test_bad_settings_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_broken_logits_are_refused():
    class Broken(TinyModel):
        def _forward(self, feeds, hidden, start, stop):
            rows = super()._forward(feeds, hidden, start, stop)
            rows[0].logits[-1] = torch.nan
            return rows

    with pytest.raises(NonFiniteLogitsError):
        BestFirstSearch().run(Broken(8, spelling=SPELLING), Goal(PROMPT, 3, STOPS), None)
