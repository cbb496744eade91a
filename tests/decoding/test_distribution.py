"""Distributions kept on their support behave as the dense ones do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foretell.decoding.distribution import Distribution
from foretell.decoding.draws import enumerate_outcomes

SIZE = 6
weights = st.lists(st.one_of(st.just(0.0), st.floats(1e-3, 1)), min_size=SIZE, max_size=SIZE).filter(any)


@given(weights, weights)
@settings(max_examples=200, deadline=None)
def test_sparse_equals_dense(a, b):
    p, q = Distribution.of(a), Distribution.of(b)
    dense, other = np.array(a) / sum(a), np.array(b) / sum(b)
    np.testing.assert_allclose(p.dense(), dense)
    assert (np.diff(p.ids) > 0).all()
    assert (p.probs > 0).all()
    np.testing.assert_allclose(p.at(np.arange(SIZE)), dense)
    np.testing.assert_allclose([p[token] for token in range(SIZE)], dense)
    rest = np.maximum(dense - other, 0)
    if rest.sum() > 1e-9:
        np.testing.assert_allclose(p.minus(q).dense(), rest / rest.sum(), atol=1e-9)
    for token in range(SIZE):
        left = dense.copy()
        left[token] = 0
        if left.sum() > 0:
            np.testing.assert_allclose(p.without(token).dense(), left / left.sum())
    distribution = np.zeros(SIZE)
    for probability, token in enumerate_outcomes(p.draw):
        distribution[token] += probability
    np.testing.assert_allclose(distribution, dense)


def test_where_nothing_is_left_the_law_stays():
    p = Distribution.of([0.5, 0.0, 0.5])
    assert p.minus(Distribution.of([0.5, 0.0, 0.5])) is p
    point = Distribution.point(3, 1)
    assert point.without(1) is point
    assert point[1] == 1.0
    assert point[0] == 0.0


def test_a_point_is_drawn_without_a_coin():
    assert Distribution.point(5, 3).draw(None) == 3


@pytest.mark.parametrize("bad", [[0.0, 0.0], [np.inf, 1.0], [np.nan, 1.0]])
def test_weights_without_a_law_are_refused(bad):
    with pytest.raises(ValueError, match="finite and not all zero"):
        Distribution.of(bad)
