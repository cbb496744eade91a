"""Searches against slow references written on their own: superposed decoding, beam search, and what they are made of."""

from __future__ import annotations

import itertools
import math
import random

import pytest
import torch

from foretell.catalog import find, parts
from foretell.decoding.sampler import NonFiniteLogitsError
from foretell.decoding.search import Goal, Hypothesis, finite
from foretell.decoding.searches.beam_search import BeamSearch
from foretell.decoding.searches.superposed import Superposed, mixture_weights
from foretell.decoding.searching.ngram_model import NGramModel
from foretell.decoding.searching.rescoring import log_probabilities
from foretell.models.base import Feed
from foretell.models.tiny import TinyModel
from foretell.testing.contracts import check_part

PROMPT = [1, 2, 0]


def chain(model, tokens):
    """Logits after each token."""
    cache = model.new_cache()
    return model.forward([Feed(cache, tokens)])[0].logits


def greedy(model, length):
    text = list(PROMPT)
    for _ in range(length):
        text.append(int(chain(model, text)[-1].argmax()))
    return text[len(PROMPT) :]


def run(search, model, **options):
    return search.run(model, Goal(PROMPT, **options), search.remember(model))


def test_searches_are_found_and_say_that_they_are_lossy():
    assert {"superposed", "beam-search"} <= set(parts("search"))
    assert find("beam-search").load() is BeamSearch
    assert {cls.guarantee.kind for cls in parts("search").values()} == {"lossy"}


@pytest.mark.parametrize("part", [*Superposed.examples(), *BeamSearch.examples()])
def test_contract(part):
    check_part(part)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("search", [Superposed(k=1), Superposed(k=1, temperature=1.0), BeamSearch(k=1)])
def test_one_draft_is_greedy_decoding(search, seed):
    model = TinyModel(vocab_size=11, order=2, seed=seed)
    found = run(search, model, max_new_tokens=12)
    assert list(found.hypotheses[0].tokens) == greedy(model, 12)
    assert found.finish_reason == "length"


@pytest.mark.parametrize("seed", range(5))
def test_one_draft_is_greedy_up_to_the_first_stop_token(seed):
    model = TinyModel(vocab_size=11, order=2, seed=seed)
    expected = greedy(model, 12)
    stop = expected[5]
    place = expected.index(stop)
    found = run(Superposed(k=1), model, max_new_tokens=place + 1, stop_tokens=frozenset({stop}))
    assert [*expected[:place], stop] == list(found.hypotheses[0].tokens)
    assert found.hypotheses[0].finished


@pytest.mark.parametrize("scores", [[0.0], [-1.0, -5.0, -2.5], [-700.0, -900.0]])
def test_weights_sum_to_one(scores):
    assert sum(mixture_weights(scores)) == pytest.approx(1, abs=1e-12)


def test_equal_last_tokens_give_the_tokens_embedding_to_the_last_bit():
    model = TinyModel(vocab_size=11, order=2, seed=1)
    drafts = [Hypothesis((3, 7), -1.0), Hypothesis((4, 7), -2.3), Hypothesis((5, 7), -2.9)]
    mixed = Superposed().mix(model, drafts, 5)
    assert torch.equal(mixed, model.embed([7], 5))
    cache, plain = model.new_cache(), model.new_cache()
    for each in (cache, plain):
        model.forward([Feed(each, PROMPT)])
        each.keep(range(len(PROMPT)))
    [row] = model.forward([Feed(cache, embeddings=mixed, num_logits=1)])
    assert torch.allclose(row.logits, model.forward([Feed(plain, [7])])[0].logits, atol=1e-5)


def test_a_mixture_is_the_weighted_sum():
    model = TinyModel(vocab_size=11, order=2, seed=1)
    drafts = [Hypothesis((3,), math.log(0.5)), Hypothesis((4,), math.log(0.3)), Hypothesis((3, 3), math.log(0.2))]
    expected = 0.7 * model.embed([3], 5) + 0.3 * model.embed([4], 5)
    assert torch.allclose(Superposed().mix(model, drafts, 5), expected, atol=1e-6)


def slow(model, texts, settings, num_new, stops):
    """The algorithm as the paper words it, with dictionaries and Python numbers; how often the penalty was taken comes last."""
    k, m, temperature, alpha, orders, weights = settings
    drafts, finished, penalties = [((), 0.0)], [], 0
    cache = model.new_cache()
    row = model.forward([Feed(cache, PROMPT)])[0].logits[-1].double().tolist()
    cache.keep(range(len(PROMPT)))
    for step in range(num_new):
        kept = sorted(range(len(row)), key=lambda token: (-row[token], token))[:m]
        total = sum(math.exp((row[token] - row[kept[0]]) / temperature) for token in kept)
        distribution = {token: math.exp((row[token] - row[kept[0]]) / temperature) / total for token in kept}
        candidates = []
        for tokens, score in drafts:
            seen = dict.fromkeys(kept, 0.0)
            whole = [*PROMPT, *tokens]
            for order, weight in zip(orders, weights):
                if order > len(whole):
                    continue
                follow = [text[i + order] for text in texts for i in range(len(text) - order) if text[i : i + order] == whole[-order:]]
                for token in kept:
                    seen[token] += weight * follow.count(token) / len(follow) if follow else 0.0
            for token in kept:
                model_part = (1 - alpha) * math.log(distribution[token])
                if not any(seen.values()):
                    penalties += 1
                    candidates.append((0, score + model_part - 200, tokens, token))
                elif seen[token]:
                    candidates.append((0, score + model_part + alpha * math.log(seen[token]), tokens, token))
                else:
                    candidates.append((1, score + model_part - 200, tokens, token))
        best = sorted(candidates, key=lambda each: (each[0], -each[1]))
        finished += [((*tokens, token), score) for _, score, tokens, token in best[: 2 * k] if token in stops]
        finished = sorted(finished, key=lambda each: -each[1])[:k]
        drafts = [((*tokens, token), score) for _, score, tokens, token in best if token not in stops][:k]
        if step < num_new - 1:
            shift = max(score for _, score in drafts)
            shares = [math.exp(score - shift) for _, score in drafts]
            mixed = sum(share / sum(shares) * model.embed([tokens[-1]], cache.length) for share, (tokens, _) in zip(shares, drafts))
            row = model.forward([Feed(cache, embeddings=mixed)])[0].logits[-1].double().tolist()
            cache.keep([0])
    ranked = sorted(drafts + finished, key=lambda each: math.exp(-each[1] / len(each[0])))[:k]
    return ranked, penalties, bool(finished)


def test_steps_are_those_of_the_slow_reference():
    penalties = ended = 0
    for case in range(100):
        rng = random.Random(case)
        vocab = rng.randint(8, 14)
        k = rng.randint(1, 3)
        m = rng.randint(2 * k, min(vocab, 3 * k + 1))
        model = TinyModel(vocab_size=vocab, order=2, seed=case)
        texts = [[rng.randrange(vocab) for _ in range(rng.randint(4, 40))] for _ in range(3)]
        orders = tuple(sorted(rng.sample(range(1, 5), rng.randint(1, 3))))
        weights = tuple(rng.random() / 3 for _ in orders)
        temperature, alpha, num_new = rng.choice([0.3, 0.7, 1.0]), rng.choice([0.2, 0.54]), rng.randint(1, 6)
        stops = {rng.randrange(vocab)}
        search = Superposed(k, m, temperature, alpha, orders, weights, NGramModel.learn(texts, max_order=5))
        expected, penalised, finished = slow(model, texts, (k, m, temperature, alpha, orders, weights), num_new, stops)
        found = run(search, model, max_new_tokens=num_new, stop_tokens=frozenset(stops))
        assert [each.tokens for each in found.hypotheses] == [tokens for tokens, _ in expected], case
        assert [each.score for each in found.hypotheses] == pytest.approx([score for _, score in expected], abs=1e-3), case
        penalties, ended = penalties + bool(penalised), ended + finished
    assert penalties >= 10  # else the branches were not reached
    assert ended >= 10


@pytest.mark.parametrize("k", [1, 3, 5])
def test_passes_are_as_many_as_tokens(k):
    model = TinyModel(vocab_size=20, seed=3)
    search = Superposed(k)
    found = run(search, model, max_new_tokens=7)
    assert found.num_passes == 7  # the prompt's pass gives the first token
    assert len({each.tokens for each in found.hypotheses}) == k
    assert found.cache.length == len(PROMPT)


def test_a_cache_is_used_again_and_changes_nothing():
    model, search = TinyModel(vocab_size=20, order=2, seed=3), Superposed()
    first = run(search, model)
    again = run(search, model, cache=first.cache)
    assert again.hypotheses == first.hypotheses


@pytest.mark.parametrize("seed", range(6))
def test_wide_beam_search_is_brute_force(seed):
    model = TinyModel(vocab_size=8, order=2, seed=seed)
    texts = list(itertools.product(range(8), repeat=2))
    expected = {}
    for text in texts:
        distributions = chain(model, [*PROMPT, *text]).double().log_softmax(-1)
        expected[text] = sum(float(distributions[len(PROMPT) - 1 + i, token]) for i, token in enumerate(text))
    order = sorted(texts, key=lambda text: -expected[text])
    # with k = half the vocabulary, the first step's cut can lose no more than half: the best must be in what is left
    found = run(BeamSearch(k=4), model, max_new_tokens=2)
    first = sorted(range(8), key=lambda token: -float(chain(model, PROMPT)[-1][token]))[:4]
    left = [text for text in order if text[0] in first]
    assert [each.tokens for each in found.hypotheses] == left[:4]
    assert [each.score for each in found.hypotheses] == pytest.approx([expected[text] for text in left[:4]], abs=1e-6)


def test_rescoring_is_the_models_own_law():
    model = TinyModel(vocab_size=11, order=2, seed=4)
    drafts = [[3, 4, 5], [3, 4, 6], [7], [3]]
    for draft, scores in zip(drafts, log_probabilities(model, PROMPT, drafts), strict=True):
        distributions = chain(model, [*PROMPT, *draft]).double().log_softmax(-1)
        assert scores.tolist() == pytest.approx(
            [float(distributions[len(PROMPT) - 1 + i, token]) for i, token in enumerate(draft)], abs=1e-6
        )


def test_counts_are_those_of_a_plain_count():
    rng = random.Random(0)
    texts = [[rng.randrange(4) for _ in range(rng.randint(1, 60))] for _ in range(5)]
    table = NGramModel.learn(texts, max_order=4)
    for order in range(1, 5):
        for context in itertools.islice(itertools.product(range(4), repeat=order), 40):
            follow = [text[i + order] for text in texts for i in range(len(text) - order) if tuple(text[i : i + order]) == context]
            counts, total = table.counts(context, range(5))
            assert (counts.tolist(), total) == ([follow.count(token) for token in range(5)], len(follow))


def test_a_table_comes_back_from_its_file(tmp_path):
    table = NGramModel.learn([[1, 2, 3, 1, 2]], max_order=2, vocabulary="abc")
    table.write(tmp_path / "t.ngrams")
    assert NGramModel.read(tmp_path / "t.ngrams") == table
    (tmp_path / "broken").write_bytes(b"no table")
    with pytest.raises(ValueError, match="not a whole n-gram table"):
        NGramModel.read(tmp_path / "broken")
    with pytest.raises(FileNotFoundError, match="no such n-gram table"):
        NGramModel.read(tmp_path / "none")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": 0}, "k=0 must be at least 1"),
        ({"k": 3, "m": 5}, "m=5 must be at least 2k = 6"),
        ({"temperature": 0.0}, "temperature=0.0 must be above 0"),
        ({"alpha": 1.0}, r"alpha=1.0 must lie in \[0, 1\)"),
        ({"alpha": -0.1}, "alpha=-0.1"),
        ({"weights": (0.1,)}, "one weight of 0 or above for each"),
        ({"orders": (2, 1), "weights": (0.1, 0.2)}, "rising"),
    ],
)
def test_bad_settings_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Superposed(**options)


def test_what_does_not_fit_the_model_is_refused():
    model = TinyModel(vocab_size=8, seed=1)
    with pytest.raises(ValueError, match="more than the model's vocabulary of 8"):
        Superposed(k=3).remember(model)
    with pytest.raises(ValueError, match="token 9, beyond"):
        Superposed(k=1, ngrams=NGramModel.learn([[9, 1]])).remember(model)
    with pytest.raises(ValueError, match="contexts of 2 tokens, but order 5"):
        Superposed(k=1, ngrams=NGramModel.learn([[1, 2]], max_order=2)).remember(model)
    with pytest.raises(ValueError, match="more than half the model's vocabulary"):
        BeamSearch(k=5).remember(model)
    with pytest.raises(ValueError, match="max_new_tokens=0"):
        Goal(PROMPT, max_new_tokens=0)
    with pytest.raises(ValueError, match="has no tokens"):
        Goal([])


def test_a_model_without_embeddings_is_refused():
    class Deaf(TinyModel):
        _embed = TinyModel.__mro__[1]._embed

    with pytest.raises(ValueError, match="takes no input embeddings"):
        Superposed(k=1).remember(Deaf(vocab_size=8))


@pytest.mark.parametrize("row", [[0.0, math.nan], [math.inf, 0.0], [-math.inf, -math.inf]])
def test_broken_logits_are_refused(row):
    with pytest.raises(NonFiniteLogitsError):
        finite(torch.tensor(row))
    assert finite(torch.tensor([-math.inf, 1.0]))[1] == 1
