"""Byte automata as states over tokens: every way to spell the texts, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foretell.models.vocabulary import Vocabulary
from foretell.rules.constraints.choices import Choices
from foretell.rules.constraints.decimals import Decimals
from foretell.rules.constraints.integers import Integers


def spellings(text: bytes, vocabulary: Vocabulary) -> set[tuple[int, ...]]:
    if not text:
        return {()}
    known = [(token, data) for token, data in enumerate(vocabulary.tokens) if data and text.startswith(data)]
    return {(token, *rest) for token, data in known for rest in spellings(text[len(data) :], vocabulary)}


tokens = st.lists(st.text("abc", min_size=1, max_size=3).map(str.encode), min_size=1, max_size=8)
texts = st.sets(st.text("abc", min_size=1, max_size=4), min_size=1, max_size=5)


@settings(deadline=None)
@given(tokens, texts)
def test_allowed_are_the_tokens_that_begin_a_spelling(tokens, texts):
    """With any vocabulary: also where some letters have no token, and some texts no spelling."""
    vocabulary = Vocabulary((*tokens, None), frozenset({len(tokens)}))
    whole = {cut for text in texts for cut in spellings(text.encode(), vocabulary)}
    constraint = Choices(tuple(sorted(texts)))
    if not whole:
        with pytest.raises(ValueError, match="Choices: the vocabulary's tokens spell none of the texts"):
            constraint.start(vocabulary)
        return
    level = {(): constraint.start(vocabulary)}
    while level:
        after = {}
        for path, state in level.items():
            expected = {cut[len(path)] for cut in whole if cut[: len(path)] == path and len(cut) > len(path)}
            ends = {len(tokens)} if path in whole else set()
            assert set(state.allowed().ids.tolist()) == expected | ends
            assert state.finished == (not expected)
            after |= {(*path, token): state.advance(token) for token in expected}
        level = after


def test_a_text_may_be_cut_in_any_way_so_little_is_forced():
    vocabulary = Vocabulary((b"x", b"y", b"xy", None), frozenset({3}))
    state = Choices(("xyx",)).start(vocabulary)
    assert state.allowed().ids.tolist() == [0, 2]
    assert state.forced() == []
    assert state.advance(0).forced() == [1, 0]


def test_a_character_may_be_cut_between_tokens():
    first, second = (bytes([byte]) for byte in "é".encode())
    vocabulary = Vocabulary((first, second, "é".encode(), None), frozenset({3}))
    state = Choices(("é", "éé")).start(vocabulary)
    assert state.advance(0).allowed().ids.tolist() == [1]
    assert state.advance(0).advance(1) == state.advance(2)


def test_token_sets_are_kept_within_bounds():
    vocabulary = Vocabulary((*(bytes([byte]) for byte in b"0123456789"), None), frozenset({10}))
    state = start = Integers(0, 10**400).start(vocabulary)
    for _ in range(300):
        state.allowed()
        state = state.advance(1)
    assert len(start.memory._token_sets) <= 128
    assert start.allowed().ids.tolist() == list(range(10))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Choices("abc"), "must be several texts"),
        (lambda: Choices(("a", "a")), "must be different texts"),
        (lambda: Choices(()), "must be different texts"),
        (lambda: Integers(1.5), "minimum=1.5 must be a whole number"),
        (lambda: Integers(3, 2), "maximum=2 must not be below minimum=3"),
        (lambda: Decimals(0, 1, precision=0), "use Integers"),
        (lambda: Decimals("one"), "minimum='one' must be a finite number"),
        (lambda: Decimals(maximum=float("inf")), "must be a finite number"),
        (lambda: Decimals("0.001", "0.009", precision=2), "must leave a number with 2 digits"),
    ],
)
def test_wrong_settings_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_float_means_what_python_prints_for_it():
    """Though the float 0.1 is a little more than a tenth."""
    assert Decimals(0.1, 0.3, precision=1).automaton().matches(b"0.1")
    assert Decimals(0.1, 0.3, precision=1).automaton().matches(b"0.3")
