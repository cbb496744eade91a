"""Adaptive n-grams against counting by hand."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foretell.decoding.drafters.adaptive_ngram import AdaptiveNgram
from foretell.models.tiny import TinyModel
from tests.decoding.helpers import ask

MODEL = TinyModel(vocab_size=4, order=1)
texts = st.lists(st.integers(0, 3), min_size=1, max_size=40)


@given(texts, st.sampled_from([(1,), (2, 1), (3, 1)]))
@settings(max_examples=200, deadline=None)
def test_first_candidates_are_the_most_frequent_successors(text, orders):
    drafter = AdaptiveNgram(orders)
    tree = drafter.propose([ask(text, drafter.begin(drafter.remember(MODEL), text), depth=1)])[0]
    expected: Counter[int] = Counter()
    for n in orders:  # longest first
        tail = tuple(text[-n:])
        expected = Counter(text[i] for i in range(n, len(text)) if len(tail) == n and tuple(text[i - n : i]) == tail)
        if expected:
            break
    assert sorted(tree.tokens) == sorted(expected)
    assert [expected[token] for token in tree.tokens] == sorted(expected.values(), reverse=True)


@given(texts, st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=6), max_size=8))
@settings(max_examples=100, deadline=None)
def test_a_table_grown_step_by_step_equals_one_made_anew(text, pieces):
    drafter = AdaptiveNgram((3, 2, 1))
    memory = drafter.remember(MODEL)
    state = drafter.begin(memory, text)
    for piece in [[], *pieces]:
        text = text + piece
        grown = drafter.propose([ask(text, state)])[0]
        assert grown == drafter.propose([ask(text, drafter.begin(memory, text))])[0]
    again = drafter.propose([ask(text, state)])[0]
    assert again == grown  # nothing is counted twice


@pytest.mark.parametrize(
    ("options", "message"),
    [({"orders": ()}, "at least one"), ({"orders": (0,)}, "1 or more"), ({"width": 0}, "width=0"), ({"orders": ("a",)}, "whole numbers")],
)
def test_bad_settings_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        AdaptiveNgram(**options)
