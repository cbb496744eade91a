"""Where bins come from, and what lies outside them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foretell.numbers.targets.support import Support, is_even


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=20), st.integers(20, 200), st.floats(0, 3))
def test_margins_in_bins_are_those_of_the_bins_that_come_out(y, bins, margin):
    y = np.array(y)
    if np.ptp(y) < 1e-3:
        return
    edges = Support(bins).fit(y, margin_in_bins=margin)
    width = (edges[-1] - edges[0]) / bins
    assert len(edges) == bins + 1
    assert y.min() - edges[0] == pytest.approx(margin * width, rel=1e-6, abs=1e-9 * np.ptp(y))
    assert edges[-1] - y.max() == pytest.approx(margin * width, rel=1e-6, abs=1e-9 * np.ptp(y))


def test_an_end_that_is_given_stays():
    y = np.array([2.0, 8.0])
    assert Support(6, low=0.0, high=12.0).fit(y, margin_in_bins=1.0).tolist() == [0, 2, 4, 6, 8, 10, 12]
    assert Support(5, low=0.0).fit(y, margin_in_bins=1.0).tolist() == [0, 2, 4, 6, 8, 10]
    assert Support(5, high=10.0).fit(y, margin=2.0).tolist() == [0, 2, 4, 6, 8, 10]


def test_edges_may_be_uneven():
    edges = Support(edges=(0, 1, 10)).fit(np.array([5.0]))
    assert edges.tolist() == [0.0, 1.0, 10.0]
    assert not is_even(edges)
    assert is_even(Support(7).fit(np.array([1e5, 1e5 + 1])))


@pytest.mark.parametrize(
    ("support", "message"),
    [
        (Support(bins=1), "bins=1 must be a whole number of 2 or more"),
        (Support(bins=2.5), "bins=2.5"),
        (Support(low=3.0, high=3.0), "low=3.0 must be below high=3.0"),
        (Support(low=4.0, high=3.0), "low=4.0 must be below high=3.0"),
        (Support(low=9.0), "low=9.0 must be below high=1.0"),
        (Support(low=np.nan), "low=nan must be a finite number"),
        (Support(high=np.inf), "high=inf must be a finite number"),
        (Support(edges=[0.0, 0.0, 1.0]), "edges"),
        (Support(edges=[0.0, 2.0, 1.0]), "edges"),
        (Support(edges=[0.0, 1.0]), "two or more bins"),
        (Support(edges=[0.0, np.nan, 1.0]), "edges"),
        (Support(edges=[0.0, 1.0, 2.0], low=0.0), "leave out low and high"),
    ],
)
def test_bad_settings_are_named_with_their_value(support, message):
    with pytest.raises(ValueError, match=message):
        support.fit(np.array([0.0, 1.0]))


def test_margins_that_take_all_bins_are_refused():
    with pytest.raises(ValueError, match="bins=4 must be above 6"):
        Support(4).fit(np.array([0.0, 1.0]), margin_in_bins=3.0)


@pytest.mark.parametrize("y", [[], [np.nan], [np.inf, 0.0], [[1.0]]])
def test_targets_must_be_finite_numbers(y):
    with pytest.raises(ValueError, match="finite numbers"):
        Support().fit(np.array(y))
    with pytest.raises(ValueError, match="finite numbers"):
        Support().place(np.arange(3.0), np.array(y))


def test_one_value_is_refused_with_advice_unless_an_end_is_given():
    with pytest.raises(ValueError, match=r"all targets are 3.0.*give Support\(low=..., high=...\)"):
        Support().fit(np.array([3.0, 3.0]))
    assert Support(3, low=0.0).fit(np.array([3.0, 3.0])).tolist() == [0.0, 1.0, 2.0, 3.0]


def test_what_lies_outside_is_refused_or_counted():
    edges, y = np.array([0.0, 1.0, 2.0]), np.array([-1.0, 0.0, 2.0, 5.0])
    with pytest.raises(ValueError, match=r"2 of 4 targets lie outside the support \[0, 2\] \(they go from -1 to 5\).*clip=True"):
        Support().place(edges, y)
    with pytest.warns(UserWarning, match="2 of 4 targets"):
        assert Support(clip=True).place(edges, y).tolist() == [0.0, 0.0, 2.0, 2.0]
