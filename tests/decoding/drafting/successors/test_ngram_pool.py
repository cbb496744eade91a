"""The pool against a list of all pieces in order."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foretell.decoding.drafting.successors.ngram_pool import NgramPool


@given(st.lists(st.integers(0, 3), max_size=40), st.integers(1, 3), st.integers(1, 2), st.integers(1, 3))
@settings(max_examples=100, deadline=None)
def test_it_holds_the_latest_distinct_pieces_newest_first(text, size, key_size, per_key):
    pool = NgramPool(size, key_size, per_key)
    half = len(text) // 2
    pool.add_text(text[:half])
    pool.add_text(text, first=half)
    for key in {tuple(text[i : i + key_size]) for i in range(len(text) - key_size + 1)}:
        seen = [
            tuple(text[i + key_size : i + key_size + size])
            for i in range(len(text) - key_size - size + 1)
            if tuple(text[i : i + key_size]) == key
        ]
        latest = list(dict.fromkeys(reversed(seen)))
        assert pool.find([9, *key])[:1] == latest[:1]
        assert set(pool.find(key)) <= set(seen)
        assert len(pool.find(key)) == min(len(latest), per_key)


def test_a_full_pool_gives_up_the_key_unused_longest():
    pool = NgramPool(size=1, capacity=2)
    pool.add([1], [7])
    pool.add([2], [7])
    assert pool.find([1]) == [(7,)]
    pool.add([3], [7])
    assert (pool.find([1]), pool.find([2]), pool.find([3])) == ([(7,)], [], [(7,)])
    assert (len(pool), pool.evicted) == (2, 1)


@pytest.mark.parametrize(("options", "message"), [({"size": 0}, "size=0"), ({"key_size": 0}, "key_size=0"), ({"per_key": 0}, "per_key=0")])
def test_wrong_settings_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        NgramPool(**options)
    with pytest.raises(ValueError, match="must be size=4 tokens"):
        NgramPool().add([1], [2])
