"""Covering arrays cover, are small, and are the same each time."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foretell.testing.covering import covering_array


def met(rows, one, other):
    return {(row[one], row[other]) for row in rows}


@given(st.lists(st.integers(1, 7), min_size=2, max_size=5), st.sets(st.tuples(st.integers(1, 6), st.integers(1, 6))))
def test_every_compatible_pair_is_met_and_no_other(sizes, forbidden):
    """Value 0 of each factor fits everything, so that rows can be completed."""
    factors = {f"factor {i}": list(range(size)) for i, size in enumerate(sizes)}
    names = list(factors)
    rows = covering_array(factors, {(names[0], names[1]): lambda a, b: (a, b) not in forbidden})
    for i, j in combinations(range(len(sizes)), 2):
        every = {(a, b) for a in range(sizes[i]) for b in range(sizes[j])}
        assert met(rows, names[i], names[j]) == (every - forbidden if (i, j) == (0, 1) else every)


def test_it_is_far_smaller_than_the_product_and_hardly_larger_than_it_must_be():
    rows = covering_array({"a": range(20), "b": range(12), "c": range(8), "d": range(5)})
    assert 20 * 12 <= len(rows) < 1.1 * 20 * 12


def test_it_is_the_same_each_time_and_sorted():
    factors = {"a": "pqr", "b": [1, 2, 3], "c": [(), (1,)]}
    rows = covering_array(factors)
    assert rows == covering_array(factors)
    assert [row["a"] for row in rows] == sorted(row["a"] for row in rows)


def test_a_row_that_cannot_be_completed_is_said():
    rules = {("a", "c"): lambda a, c: a == c, ("b", "c"): lambda b, c: b == c}
    with pytest.raises(ValueError, match=r"no c is compatible with a 0, b 1"):
        covering_array({"a": [0, 1], "b": [0, 1], "c": [0, 1]}, rules)
