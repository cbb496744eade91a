"""Sets of tokens as packed bits, against Python's sets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foretell.decoding.token_set import TokenSet

sizes = st.integers(1, 70)
pairs = sizes.flatmap(lambda size: st.tuples(st.just(size), *[st.sets(st.integers(0, size - 1))] * 2))


@given(pairs)
def test_it_is_a_set(drawn):
    size, a, b = drawn
    one, other = TokenSet.of(a, size), TokenSet.of(b, size)
    assert one.ids.tolist() == sorted(a)
    assert len(one) == len(a)
    assert bool(one) == bool(a)
    assert [token in one for token in range(-1, size + 1)] == [token in a for token in range(-1, size + 1)]
    for ours, theirs in ((one & other, a & b), (one | other, a | b), (one - other, a - b)):
        assert ours.ids.tolist() == sorted(theirs)
        assert ours == TokenSet.of(theirs, size)
        assert hash(ours) == hash(TokenSet.of(theirs, size))
    assert one.only == (next(iter(a)) if len(a) == 1 else None)


@given(sizes, st.integers(0, 12))
def test_packed_bits_of_another_length_are_cut_or_filled(size, num_bytes):
    tokens = TokenSet.packed(b"\xff" * num_bytes, size)
    assert tokens.ids.tolist() == list(range(min(size, 8 * num_bytes)))


def test_everything_is_every_token_and_no_more():
    whole = TokenSet.everything(13)
    assert len(whole) == 13
    assert not TokenSet.everything(13) - whole


def test_a_token_beyond_the_vocabulary_is_refused():
    with pytest.raises(IndexError):
        TokenSet.of([5], 5)
