"""Distributions over numbers against SciPy's and against their own samples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from foretell.numbers.distributions import Histogram, PointMasses


@st.composite
def histograms(draw):
    num = draw(st.integers(1, 8))
    widths = draw(st.lists(st.floats(0.01, 100.0), min_size=num, max_size=num))
    masses = draw(st.lists(st.sampled_from([0.0, 1e-9, 0.1, 1.0, 7.0]), min_size=num, max_size=num).filter(any))
    start = draw(st.floats(-100, 100))
    return Histogram(start + np.concatenate([[0.0], np.cumsum(widths)]), np.array([masses]))


@settings(max_examples=80, deadline=None)
@given(histograms(), st.floats(0, 1))
def test_a_histogram_is_scipys(distribution, level):
    reference = stats.rv_histogram((distribution.masses[0] / distribution.widths, distribution.edges), density=True)
    assert distribution.mean()[0] == pytest.approx(reference.mean(), rel=1e-9, abs=1e-9)
    value = distribution.quantile(level)[0]
    assert reference.cdf(value) == pytest.approx(level, abs=1e-9)
    inside = distribution.edges[:-1] + 0.5 * distribution.widths
    for y in inside:
        assert np.exp(distribution.log_density([y])[0]) == pytest.approx(reference.pdf(y), rel=1e-9, abs=1e-300)


@settings(max_examples=80, deadline=None)
@given(histograms(), st.lists(st.floats(0, 1), min_size=2, max_size=6))
def test_quantiles_increase_and_stay_where_mass_is(distribution, levels):
    levels = np.sort(levels)
    found = distribution.quantile(levels)[0]
    assert (np.diff(found) >= 0).all()
    some = np.flatnonzero(distribution.masses[0])
    assert distribution.quantile(0.0)[0] == distribution.edges[some[0]]
    assert distribution.quantile(1.0)[0] == distribution.edges[some[-1] + 1]
    low, high = distribution.interval(0.8)[0]
    assert low <= distribution.median()[0] <= high


def test_the_end_is_the_last_mass_even_where_sums_are_rounded():
    masses = np.array([[0.1] * 10 + [0.0]])  # ten times 0.1 is not 1
    assert Histogram(np.arange(12.0), masses).quantile(1.0)[0] == 10.0
    assert PointMasses(np.arange(11.0), masses).quantile(1.0)[0] == 9.0


def test_samples_follow_the_distribution(rng):
    distribution = Histogram(np.array([0.0, 1.0, 3.0, 4.0]), np.array([[0.2, 0.5, 0.3], [1.0, 0.0, 1.0]]))
    draws = distribution.sample(4000, rng)
    assert draws.shape == (2, 4000)
    for row, masses in zip(draws, distribution.masses, strict=True):
        reference = stats.rv_histogram((masses / distribution.widths, distribution.edges), density=True)
        assert stats.kstest(row, reference.cdf).pvalue > 0.01
    points = PointMasses(np.array([1.0, 2.0, 9.0]), np.array([[0.2, 0.5, 0.3]]))
    counts = (points.sample(4000, rng)[0] == points.values[:, None]).sum(axis=1)
    assert stats.chisquare(counts, 4000 * points.masses[0]).pvalue > 0.01


def test_the_mode_is_where_density_is_highest():
    assert Histogram(np.array([0.0, 1.0, 10.0]), np.array([[0.4, 0.6]])).mode()[0] == 0.5
    assert PointMasses(np.array([0.0, 1.0, 10.0]), np.array([[0.4, 0.1, 0.5]])).mode()[0] == 10.0


@settings(max_examples=80, deadline=None)
@given(st.lists(st.integers(-50, 50), min_size=1, max_size=6, unique=True), st.data())
def test_point_masses_quantile_is_the_least_value_that_reaches_the_level(values, data):
    values = np.sort(np.array(values, dtype=float))
    masses = np.array(data.draw(st.lists(st.integers(0, 5), min_size=len(values), max_size=len(values)).filter(any)), dtype=float)
    distribution = PointMasses(values, masses[None])
    level = data.draw(st.integers(1, int(masses.sum()))) / masses.sum()
    reached = np.cumsum(masses) / masses.sum()
    assert distribution.quantile(level)[0] == values[np.argmax(reached >= level - 1e-12)]
    assert distribution.quantile(0.0)[0] == values[np.flatnonzero(masses)[0]]
    np.testing.assert_allclose(np.exp(distribution.log_density(values[:1])), distribution.masses[0, :1])
    assert distribution.log_density([0.5])[0] == -np.inf


def test_nothing_has_density_outside():
    distribution = Histogram(np.array([0.0, 1.0]), np.ones((3, 1)))
    assert distribution.log_density([-0.1, 1.1, 1.0]).tolist() == [-np.inf, -np.inf, 0.0]


@pytest.mark.parametrize("q", [-0.1, 1.1, np.nan, [0.5, 2.0], [[0.5]]])
def test_levels_outside_0_to_1_are_refused(q):
    for distribution in (Histogram(np.arange(3.0), np.ones((1, 2))), PointMasses(np.arange(2.0), np.ones((1, 2)))):
        with pytest.raises(ValueError, match="between 0 and 1"):
            distribution.quantile(q)


@pytest.mark.parametrize("coverage", [0, 1, -1, 2, np.nan])
def test_coverage_outside_0_to_1_is_refused(coverage):
    with pytest.raises(ValueError, match="coverage"):
        Histogram(np.arange(3.0), np.ones((1, 2))).interval(coverage)


@pytest.mark.parametrize("masses", [[[1.0]], [1.0, 2.0], [[1.0, -0.1]], [[0.0, 0.0]], [[np.nan, 1.0]], [[np.inf, 1.0]]])
def test_bad_masses_are_refused(masses):
    with pytest.raises(ValueError, match="masses"):
        Histogram(np.arange(3.0), np.array(masses))
    with pytest.raises(ValueError, match="masses"):
        PointMasses(np.arange(2.0), np.array(masses))


@pytest.mark.parametrize("places", [[0.0, 0.0, 1.0], [1.0, 0.0, 2.0], [0.0, np.nan, 1.0], [0.0, 1.0, np.inf]])
def test_places_must_increase(places):
    with pytest.raises(ValueError, match="increasing"):
        Histogram(np.array(places), np.ones((1, 2)))
    with pytest.raises(ValueError, match="increasing"):
        PointMasses(np.array(places), np.ones((1, 3)))


@pytest.mark.parametrize("y", [[0.5], [0.5, np.nan], [[0.5, 0.5]], 0.5])
def test_true_values_must_fit_the_distributions(y):
    for distribution in (Histogram(np.arange(3.0), np.ones((2, 2))), PointMasses(np.arange(2.0), np.ones((2, 2)))):
        with pytest.raises(ValueError, match="one number for each of the 2 distributions"):
            distribution.log_density(y)
