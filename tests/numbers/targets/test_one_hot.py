"""One-hot: counts of a histogram, and half a bin at most."""

from __future__ import annotations

import numpy as np
import pytest

from foretell.numbers.targets.one_hot import OneHot
from foretell.numbers.targets.support import Support


def test_masses_count_as_numpys_histogram_does(rng):
    y = rng.standard_normal(300)
    target = OneHot(Support(bins=17))
    code = target.fit(y)
    assert target.masses(code, y).sum(axis=0).tolist() == np.histogram(y, bins=17)[0].tolist()
    centres = (code["edges"][1:] + code["edges"][:-1]) / 2
    assert np.abs(target.masses(code, y) @ centres - y).max() <= (centres[1] - centres[0]) / 2 + 1e-12


def test_the_prior_leaves_no_bin_impossible():
    target = OneHot(Support(bins=4, low=0.0, high=4.0))
    prior = target.fit(np.array([0.5, 0.5, 2.5]))["prior"]
    assert prior.tolist() == pytest.approx([2.25 / 4, 0.25 / 4, 1.25 / 4, 0.25 / 4])
