"""`extract`: the best span against brute force over the passage's characters, its places, its proof, and what is refused."""

from __future__ import annotations

import math
import random

import pytest

import foretell as ft
from foretell.decoding.searches.best_first_search import BestFirstSearch
from foretell.extraction import PROMPT, extract, occurrences, stop_tokens
from foretell.models.base import Feed
from foretell.models.text import Text
from foretell.models.tiny import TinyModel
from tests.models.files import save_tokenizer


@pytest.fixture(scope="session")
def text(tmp_path_factory) -> Text:
    """A token a byte."""
    folder = tmp_path_factory.mktemp("bytes")
    save_tokenizer(folder, None)
    return Text.from_folder(folder)


@pytest.fixture
def model_of(text):
    def make(seed: int = 0, **options) -> TinyModel:
        model = TinyModel(len(text), seed=seed, **options)
        model.tokenizer = text
        return model

    return make


def brute_force(model, question, passage, prompt=PROMPT):
    """(-score, start, end) of every span that cuts no word, each scored by a forward pass of its own, with or without the white
    space before it."""
    tokens = model.tokenizer.encode(prompt.replace("{question}", question).replace("{passage}", passage))
    stops = sorted(stop_tokens(model, "\n"))
    found = []
    for i in range(len(passage)):
        for j in range(i + 1, len(passage) + 1):
            span = passage[i:j]
            cut = any(0 < k < len(passage) and passage[k - 1 : k + 1].isalnum() for k in (i + len(span) - len(span.lstrip()), j))
            if cut or span != span.rstrip() or "\n" in span:
                continue
            written = model.tokenizer.encode(span, special=False)
            [rows] = model.forward([Feed(model.new_cache(), [*tokens, *written])])
            laws = rows.logits.double().log_softmax(-1)
            score = 0.0
            for place, token in enumerate(written):
                score += float(laws[len(tokens) - 1 + place, token])
            score += float(laws[-1, stops].logsumexp(0))
            found.append((-score, i + len(span) - len(span.lstrip()), j))
    return sorted(found)


@pytest.mark.parametrize("seed", range(25))
def test_the_best_span_is_that_of_brute_force(model_of, seed):
    rng = random.Random(seed)
    passage = "".join(rng.choice("ab é.\n") for _ in range(rng.randint(3, 12)))
    passage = passage if passage.strip() else "ab a"
    model = model_of(seed, order=rng.randint(1, 2), sharpness=rng.choice([1.0, 4.0]))
    expected = brute_force(model, "b?", passage)
    found = extract("b?", passage, model, top=3, greedy_gap=True)
    best = found.spans[0]
    assert best.score == pytest.approx(-expected[0][0], abs=1e-9)
    assert passage[best.start : best.end] == best.text == found.text
    assert found.optimal
    assert all(span.proven for span in found.spans)
    for span in found.spans:
        assert {passage[start:end] for start, end in span.positions} == {span.text}
        assert span.score == pytest.approx(max(-score for score, i, j in expected if passage[i:j] == span.text), abs=1e-9)
    assert found.greedy_gap.gap >= 0
    assert found.greedy_gap.constrained in passage
    if found.greedy_gap.is_best:
        assert found.greedy_gap.is_span


@pytest.mark.parametrize("passage", ["ba ab b a", "b.a b", "  a b", "é a é"])
def test_of_equals_the_leftmost_and_then_the_shortest(model_of, passage):
    """A model that finds every token as likely as every other."""
    model = model_of(sharpness=0.0)
    _, start, end = brute_force(model, "?b", passage)[0]
    best = extract("?b", passage, model).spans[0]
    assert (best.start, best.end) == (start, end)


def test_a_span_at_several_places_has_one_score(model_of):
    found = extract("?", "ab. ab! ab? cab abc", model_of(3), top=30)
    [span] = [span for span in found.spans if span.text == "ab"]
    assert span.positions == ((0, 2), (4, 6), (8, 10))
    assert len({span.text for span in found.spans}) == len(found.spans)
    assert [span.score for span in found.spans] == sorted((span.score for span in found.spans), reverse=True)
    assert occurrences("a", "a ba a") == ((0, 1), (5, 6))


def test_a_short_budget_gives_a_span_and_what_is_known(model_of):
    whole = extract("?", "ab abb aab bab", model_of(5))
    cut = extract("?", "ab abb aab bab", model_of(5), search=BestFirstSearch(most_nodes=1))
    assert cut.text in "ab abb aab bab"
    assert not cut.optimal
    assert whole.spans[0].score <= cut.spans[0].score + cut.proof.gap + 1e-9
    assert cut.proof.gap < math.inf
    assert extract("?", "ab abb", model_of(5), max_seconds=1e-9).found.finish_reason == "time"


def test_a_longer_score_and_a_limit(model_of):
    passage = "ab abb aab"
    normalised = extract("?", passage, model_of(7), search=BestFirstSearch(length_penalty=1.0), max_tokens=len(passage))
    assert normalised.optimal
    expected = max(-score / (len(passage[i:j]) + 1) for score, i, j in brute_force(model_of(7), "?", passage))
    best = normalised.spans[0]
    assert best.score / (len(best.tokens) + 1) >= expected - 1e-9
    assert all(len(span.tokens) <= 3 for span in extract("?", passage, model_of(7), max_tokens=3, top=9).spans)


def test_stop_texts_end_a_span(model_of):
    model = model_of(2)
    newline = model.tokenizer.encode("\n", special=False)[0]
    assert stop_tokens(model, "\n") - stop_tokens(model, ()) == {newline}
    without, with_stop = extract("?", "ab ba", model, stop=()), extract("?", "ab ba", model, stop=["\n", "!"])
    assert with_stop.spans[0].score > without.spans[0].score


def test_a_prompt_without_the_passage_warns(model_of):
    with pytest.warns(UserWarning, match="the model does not read what it extracts from"):
        extract("?", "ab", model_of(), prompt="{question}")
    assert extract("{passage}", "{question} ab", model_of()).text in "{question} ab"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"passage": " \n"}, r"passage=' \\n' is empty"),
        ({"question": ""}, "question='' is empty"),
        ({"max_tokens": 0}, "max_tokens=0 must be at least 1"),
        ({"top": 0}, "top=0 must be at least 1"),
        ({"stop": "ab"}, "stop='ab': no token begins with this text"),
        ({"passage": "ab " * 2000}, "shorten the prompt"),
        ({"passage": "abcd", "max_tokens": 2}, "leaves no span"),
    ],
)
def test_bad_input_is_refused(model_of, options, message):
    with pytest.raises(ValueError, match=message):
        extract(**{"question": "?", "passage": "ab ba", "model": model_of(), **options})


def test_models_that_cannot_read_or_end_a_text_are_refused(text):
    with pytest.raises(ValueError, match="has no tokenizer"):
        ft.extract("?", "ab", TinyModel())
    model = TinyModel(len(text))
    model.tokenizer = Text(text.tokenizer)
    with pytest.raises(ValueError, match="nothing to end a text"):
        ft.extract("?", "ab", model, stop=())
