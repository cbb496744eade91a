"""Two-hot keeps the mean, and is HL-Gauss's limit in its own way."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foretell.numbers.targets.support import Support
from foretell.numbers.targets.two_hot import TwoHot


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(0.05, 5.0), min_size=2, max_size=20), st.floats(0, 1))
def test_the_mean_is_the_number_on_bins_of_any_width(widths, where):
    edges = np.concatenate([[-3.0], -3 + np.cumsum(widths)])
    centres = (edges[1:] + edges[:-1]) / 2
    y = centres[0] + where * (centres[-1] - centres[0])
    target = TwoHot(Support(edges=edges))
    (masses,) = target.masses(target.fit(np.array([y])), np.array([y]))
    assert masses @ centres == pytest.approx(y, abs=1e-6)
    assert masses.sum() == pytest.approx(1)
    assert (masses >= 0).all()
    assert np.ptp(np.flatnonzero(masses)) <= 1


def test_outermost_centres_lie_on_the_extreme_targets():
    y = np.array([-2.0, 1.0, 6.0])
    target = TwoHot()
    code = target.fit(y)
    np.testing.assert_allclose(target.masses(code, y) @ ((code["edges"][1:] + code["edges"][:-1]) / 2), y, atol=1e-9)


def test_beyond_the_outermost_centre_is_the_outermost_centre():
    target = TwoHot(Support(bins=4, low=0.0, high=4.0))
    code = target.fit(np.array([2.0]))
    assert target.masses(code, np.array([0.1, 4.0])).tolist() == [[1, 0, 0, 0], [0, 0, 0, 1]]
    with pytest.raises(ValueError, match="outside the support"):
        target.masses(code, np.array([4.1]))
