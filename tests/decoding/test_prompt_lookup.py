"""Prompt lookup against a search of the whole text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foretell.decoding.drafters.prompt_lookup import PromptLookup
from tests.decoding.helpers import ask

texts = st.lists(st.integers(0, 3), min_size=1, max_size=40)


def by_search(drafter: PromptLookup, text: list[int], num: int) -> tuple[list[int], int]:
    """(tokens, n) as the method says, without an index: longest n first, then the latest place."""
    for n in range(min(drafter.max_ngram, len(text)), drafter.min_ngram - 1, -1):
        for begin in range(len(text) - n - 1, -1, -1):
            if text[begin : begin + n] == text[-n:]:
                copied = list(text)
                for place in range(begin + n, begin + n + num):
                    copied.append(copied[place])
                return copied[len(text) :], n
    return [], 0


@given(texts, st.integers(1, 4), st.integers(0, 3), st.integers(1, 12))
@settings(max_examples=300, deadline=None)
def test_it_finds_what_a_search_finds(text, low, more, num):
    drafter = PromptLookup(low + more, low, num_tokens=8)
    tree = drafter.propose([ask(text, drafter.begin(None, text), num, 80)])[0]
    tokens, n = by_search(drafter, text, min(8, num))
    assert tree.tokens == tokens
    assert tree.grades == [n] * len(tokens)
    assert tree.parents == list(range(-1, len(tokens) - 1))
    assert set(tree.sources) <= {"prompt-lookup"}


@given(texts, st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=6), max_size=8))
@settings(max_examples=150, deadline=None)
def test_the_index_grown_by_and_by_equals_one_built_anew(text, pieces):
    drafter = PromptLookup()
    state = drafter.begin(None, text)
    for piece in [[], *pieces]:
        text = text + piece
        grown = drafter.propose([ask(text, state)])[0]
        anew = drafter.begin(None, text)
        assert grown == drafter.propose([ask(text, anew)])[0]
        assert state.ends == anew.ends


def look_up(text: list[int], **options) -> list[int]:
    drafter = PromptLookup(**options)
    return drafter.propose([ask(text, drafter.begin(None, text))])[0].tokens


def test_the_longest_match_wins_over_a_later_one():
    assert look_up([1, 2, 3, 9, 3, 8, 1, 2, 3], num_tokens=2) == [9, 3]


def test_of_equal_matches_the_latest_wins():
    assert look_up([1, 2, 7, 1, 2, 8, 1, 2], num_tokens=1) == [8]


def test_a_copy_that_reaches_the_end_goes_on_copying_itself():
    assert look_up([5, 1, 2, 1, 2], num_tokens=7) == [1, 2, 1, 2, 1, 2, 1]
    assert look_up([4, 4], num_tokens=5) == [4] * 5


def test_nothing_found_is_nothing_proposed():
    assert look_up([1, 2, 3]) == []
    assert look_up([1]) == []
    assert look_up([1, 2, 1], min_ngram=2) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_ngram": 0}, "min_ngram=0"),
        ({"max_ngram": 2, "min_ngram": 3}, "max_ngram=2 must be at least min_ngram=3"),
        ({"num_tokens": 0}, "num_tokens=0"),
    ],
)
def test_wrong_settings_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        PromptLookup(**options)
