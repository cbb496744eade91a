"""Spans of a passage: which there are, where they stand, and that a text under the rule is always one."""

from __future__ import annotations

import random

import pytest

import foretell as ft
from foretell.decoding.constraint import EndedState
from foretell.decoding.draws import SampledDraws
from foretell.decoding.sampler import Sampler
from foretell.models.tiny import TinyModel
from foretell.models.vocabulary import Vocabulary
from foretell.rules.automata.span_trie import BREAK, SpanTrie, TokenizedSpans
from foretell.rules.constraints.substrings import Substrings

WORDS = Vocabulary(
    (b"a", b" a", b"b", b" b", b"(", b" (", b"(a", b")", b" ", b"1", b"\n", "é".encode(), b"\xc3", b"\xa9", b".", None), frozenset({15})
)


def spans_of(rule, vocabulary=WORDS, prompt=()):
    """Text of every span that the rule allows -> its places in the passage."""
    found, todo = {}, [((), rule.start(vocabulary, prompt))]
    while todo:
        tokens, state = todo.pop()
        allowed = set(state.allowed().ids.tolist())
        assert allowed == {token for token in range(vocabulary.size) if state.accepts(token)}
        assert allowed, "a dead end"
        if allowed & vocabulary.stop_tokens:
            assert allowed >= vocabulary.stop_tokens
            assert isinstance(state.advance(min(vocabulary.stop_tokens)), EndedState)
            found.setdefault(vocabulary.text(tokens).decode(), set()).update(state.spans)
        todo += [((*tokens, token), state.advance(token)) for token in allowed - vocabulary.stop_tokens]
    return found


def test_a_trie_holds_each_stretch_once():
    rng = random.Random(0)
    for _ in range(200):
        tokens = [rng.choice([0, 1, 2, BREAK]) if rng.random() < 0.3 else rng.choice([0, 1]) for _ in range(rng.randint(1, 9))]
        starts = {i for i in range(len(tokens)) if rng.random() < 0.7}
        ends = {i for i in range(1, len(tokens) + 1) if rng.random() < 0.7}
        most = rng.choice([None, 1, 3])
        expected = {}
        for i in starts:
            for j in ends:
                if i < j and BREAK not in tokens[i:j] and (most is None or j - i <= most):
                    expected.setdefault(tuple(tokens[i:j]), set()).add((i, j))
        found, num, todo = {}, 0, [((), SpanTrie(TokenizedSpans(tokens, dict.fromkeys(starts, 0), dict.fromkeys(ends, 0)), most).root)]
        root = todo[0][1]
        while todo:
            path, node = todo.pop()
            num += 1
            if node.is_end:
                found[path] = set(node.occurrences)
            assert node.is_end or node.children or not path
            todo += [((*path, token), child) for token, child in node.children.items()]
        assert found == expected
        assert root.num_nodes == num


def test_spans_cut_no_word_and_no_number():
    assert set(spans_of(Substrings("ab 11.a"))) == {
        "ab",
        "ab 11",
        "ab 11.",
        "ab 11.a",
        " 11",
        " 11.",
        " 11.a",
        "11",
        "11.",
        "11.a",
        ".",
        ".a",
        "a",
    }
    assert "1" in spans_of(Substrings("ab 11.a", words=False))


def test_places_are_characters_of_the_passage():
    passage = "é a\na é a"
    spans = spans_of(Substrings(passage))
    assert {text.strip() for text in spans} >= {"é", "a", "é a", "é a\na é a"}
    assert spans[" a"] == {(2, 3), (8, 9)}
    assert spans["a"] == {(4, 5)}
    for text, places in spans.items():
        assert {passage[start:end] for start, end in places} == {text.strip()}


def test_a_character_of_two_tokens_is_not_cut():
    vocabulary = Vocabulary((b"\xc3", b"\xa9", b"a", b" ", None), frozenset({4}))
    assert set(spans_of(Substrings("é a", words=False), vocabulary)) == {"é", "é a", " a", "a"}


def test_no_span_passes_a_stop_token():
    class Lines:
        """A tokenizer that knows each token by its text."""

        token_bytes = WORDS.tokens
        stop_tokens = frozenset({10, 15})

        def encode(self, text, special=True):
            return WORDS.encode(text)

    vocabulary = Vocabulary(tuple(None if i == 10 else data for i, data in enumerate(WORDS.tokens)), frozenset({10, 15}), Lines())
    assert set(spans_of(Substrings("a b \nb"), vocabulary)) == {"a", "a b", " b", "b"}


def test_spans_within_a_token_need_tokens_of_their_own():
    assert "a" not in spans_of(Substrings("(a) b"))
    anew = Substrings("(a) b", retokenize=True)
    assert set(spans_of(anew)) == {"(a)", "(a) b", "(a", "(", "a", "a)", "a) b", ")", ") b", "b"}
    assert set(spans_of(anew, prompt=[14])) == {" " + text for text in spans_of(anew)}  # behind a full stop
    assert set(spans_of(anew, prompt=[10])) == set(spans_of(anew))  # behind a line break
    short = Substrings("(a) b", max_tokens=1, retokenize=True)
    assert set(spans_of(short)) == {"(a", "(", "a", ")", "b"}


@pytest.mark.parametrize("recipe", ["plain", "forced >> prompt-lookup", "token-recycling, pace=3"])
@pytest.mark.parametrize("seed", range(4))
def test_what_is_generated_is_a_span(recipe, seed):
    spelling = (b"a", b"b", b" ", b" a", b"ab", None)
    model = TinyModel(6, seed=seed, spelling=spelling)
    passage = "ab a b ab aab b"
    request = ft.Request([0, 2, 1], 20, Sampler(greedy=seed % 2 == 0), SampledDraws(seed), frozenset({5}), constraint=Substrings(passage))
    for _ in ft.Session(model, ft.Recipe.parse(recipe)).run([request]):
        pass
    text = b"".join(spelling[token] for token in request.generated).decode()
    assert text.strip()
    assert text in passage
    assert request.finish_reason == "stop"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Substrings(" \n"), "passage=' \\\\n' must be a text that is not empty"),
        (lambda: Substrings("a", max_tokens=0), "max_tokens=0 must be at least 1"),
        (lambda: Substrings("xyz").start(WORDS), "passage='xyz' cannot be spelt by the model"),
        (lambda: Substrings("aa", max_tokens=1).start(WORDS), "max_tokens=1 leaves no span"),
        (lambda: Substrings("a").start(WORDS).advance(15), "is not allowed here"),
        (lambda: Substrings("a").start(Vocabulary((b"a",), frozenset())), "no stop token"),
    ],
)
def test_what_makes_no_sense_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
