"""HL-Gauss against SciPy's truncated normal distribution, its gradient, its decoding bias, and another implementation."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, truncnorm

from foretell.numbers.targets.hl_gauss import HLGauss
from foretell.numbers.targets.support import Support

UNIT = Support(bins=51, low=0.0, high=51.0)  # bins of width 1
Y = np.array([0.0, 51.0])


def by_scipy(edges, y, sigma):
    distribution = truncnorm((edges[0] - y) / sigma, (edges[-1] - y) / sigma, loc=y, scale=sigma)
    return np.diff(distribution.cdf(edges))


@settings(max_examples=100, deadline=None)
@given(st.floats(-10, 10), st.sampled_from([0.1, 0.75, 2.0]), st.integers(2, 128))
def test_masses_are_those_of_the_truncated_normal_distribution(y, ratio, bins):
    target = HLGauss(Support(bins, low=-10.0, high=10.0), sigma_to_bin=ratio)
    code = target.fit(np.array([y]))
    (masses,) = target.masses(code, np.array([y]))
    assert (masses >= 0).all()
    assert masses.sum() == pytest.approx(1, abs=1e-6)
    np.testing.assert_allclose(masses, by_scipy(code["edges"], y, ratio * 20 / bins), atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0.05, 5.0), min_size=2, max_size=20), st.floats(0, 1), st.floats(0.01, 50))
def test_masses_on_uneven_bins_too(widths, where, sigma):
    edges = np.concatenate([[0.0], np.cumsum(widths)])
    y = where * edges[-1]
    target = HLGauss(Support(edges=edges), sigma=sigma)
    (masses,) = target.masses(target.fit(np.array([y])), np.array([y]))
    np.testing.assert_allclose(masses, by_scipy(edges, y, sigma), atol=1e-6)


@pytest.mark.parametrize("ratio", [0.1, 0.75, 2.0])
def test_the_gradient_is_softmax_less_masses_and_bounded(ratio, rng):
    target = HLGauss(UNIT, sigma_to_bin=ratio)
    code = target.fit(Y)
    outputs = torch.tensor(rng.standard_normal((20, 51)) * 5, requires_grad=True)
    masses = torch.as_tensor(target.masses(code, rng.uniform(0, 51, 20)))
    target.row_losses(outputs, masses).sum().backward()
    torch.testing.assert_close(outputs.grad, (outputs.softmax(-1) - masses).detach(), atol=1e-10, rtol=0)
    assert outputs.grad.abs().sum(-1).max() <= 2


#: sigma over the width of a bin: the worst distance between a number and the mean of its code, in bins, eight bins or more from the
#: ends. It explains the default.
BIAS = {0.1: 0.286, 0.25: 0.093, 0.5: 0.0023, 0.75: 4.8e-6}


def bias(ratio, y):
    target = HLGauss(UNIT, sigma_to_bin=ratio)
    return np.abs(target.masses(target.fit(Y), y) @ (np.arange(51) + 0.5) - y).max()


@pytest.mark.parametrize("ratio", BIAS)
def test_the_bias_of_decoding_is_that_of_the_table(ratio):
    worst = bias(ratio, np.linspace(8, 43, 35 * 200 + 1))
    assert worst == pytest.approx(BIAS[ratio], rel=0.02)
    if ratio == 0.75:
        assert worst <= 1e-4


def test_a_wide_distribution_has_the_bias_of_its_cut_alone():
    assert bias(2.0, np.linspace(22, 29, 1401)) < 1e-12
    assert bias(2.0, np.array([8.0])) == pytest.approx(2 * norm.pdf(4), rel=0.03)  # four sigma from the end


def test_the_default_is_three_quarters_of_a_bin_and_margins_keep_extreme_targets():
    y = np.array([-3.0, 0.0, 7.0])
    target = HLGauss()
    code = target.fit(y)
    width = code["edges"][1] - code["edges"][0]
    assert target.width(code) == 100
    assert code["sigma"] == pytest.approx(0.75 * width)
    assert code["edges"][0] == pytest.approx(-3 - 3 * code["sigma"])
    assert code["edges"][-1] == pytest.approx(7 + 3 * code["sigma"])
    centres = (code["edges"][1:] + code["edges"][:-1]) / 2
    np.testing.assert_allclose(target.masses(code, y) @ centres, y, atol=5e-3 * width)
    tight = HLGauss(Support(low=0.0, high=100.0))  # without the margin the cut draws them inwards
    drawn = tight.masses(tight.fit(y[1:2]), y[1:2]) @ (np.arange(100) + 0.5)
    assert drawn[0] > 0.5


def test_sigma_in_units_of_the_targets():
    code = HLGauss(sigma=0.5).fit(np.array([0.0, 10.0]))
    assert code["sigma"] == 0.5
    np.testing.assert_allclose(code["edges"][[0, -1]], [-1.5, 11.5])


def test_mean_bias_and_distribution_of_an_untrained_head(rng):
    y = rng.standard_normal(500) * 3 + 20
    target = HLGauss()
    code = target.fit(y)
    outputs = target.bias(code)[None].double()
    assert target.mean(code, outputs).item() == pytest.approx(y.mean(), abs=0.05)
    distribution = target.distribution(code, outputs)
    assert distribution.mean()[0] == pytest.approx(target.mean(code, outputs).item())
    np.testing.assert_allclose(distribution.interval(0.8)[0], np.quantile(y, [0.1, 0.9]), atol=0.3)
    weighted = target.fit(y, np.where(y > 20, 1.0, 0.0))
    assert target.mean(weighted, target.bias(weighted)[None]).item() == pytest.approx(y[y > 20].mean(), abs=0.1)


def test_the_error_of_a_row_is_how_far_its_mean_is_off(rng):
    target, y = HLGauss(UNIT), rng.uniform(8, 43, 10)
    code = target.fit(Y)
    outputs = torch.tensor(rng.standard_normal((10, 51)))
    errors = target.row_errors(code, outputs, torch.as_tensor(target.masses(code, y)))
    np.testing.assert_allclose(errors * np.ptp(code["edges"]), np.abs(target.mean(code, outputs).numpy() - y), atol=1e-5)


def test_heads_of_several_numbers_need_no_reshaping(rng):
    target = HLGauss(UNIT)
    code = target.fit(Y)
    outputs = torch.tensor(rng.standard_normal((4, 3, 51)))
    masses = torch.as_tensor(target.masses(code, rng.uniform(0, 51, 12))).reshape(4, 3, 51)
    flat = target.row_losses(outputs.reshape(12, 51), masses.reshape(12, 51))
    torch.testing.assert_close(target.row_losses(outputs, masses), flat.reshape(4, 3))
    torch.testing.assert_close(target.mean(code, outputs), target.mean(code, outputs.reshape(12, 51)).reshape(4, 3))


def test_far_targets_are_clamped_before_the_distribution_is_cut():
    target = HLGauss(Support(bins=10, low=0.0, high=1.0, clip=True), sigma=0.01)
    code = target.fit(np.array([-1e6, 0.5, 1e6]))
    with pytest.warns(UserWarning, match="2 of 3"):
        target.encode(code, np.array([-1e6, 0.5, 1e6]))
    with pytest.warns(UserWarning, match="1 of 1"):
        masses = target.masses(code, np.array([1e6]))
    assert masses[0, -1] == pytest.approx(1)
    with pytest.raises(ValueError, match="1 of 1 targets lie outside"):
        HLGauss(Support(bins=10, low=0.0, high=1.0)).fit(np.array([1.1]))


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (HLGauss(sigma=1.0, sigma_to_bin=0.75), "sigma=1.0 and sigma_to_bin=0.75 set the same quantity"),
        (HLGauss(sigma=0.0), "sigma=0.0 must be a number above 0"),
        (HLGauss(sigma=-1.0), "sigma=-1.0 must be a number above 0"),
        (HLGauss(sigma_to_bin=0.0), "sigma_to_bin=0.0 must be a number above 0"),
        (HLGauss(sigma_to_bin=float("nan")), "sigma_to_bin=nan must be a number above 0"),
        (HLGauss(Support(edges=[0.0, 1.0, 10.0])), "sigma=None is needed where bins are of different widths"),
        (HLGauss(Support(edges=[0.0, 1.0, 10.0]), sigma_to_bin=1.0), "sigma=None is needed"),
        (HLGauss(Support(bins=4)), "bins=4 must be above 4.5"),
        (HLGauss(Support(low=2.0, high=1.0)), "low=2.0 must be below high=1.0"),
    ],
)
def test_bad_settings_are_named_with_their_value(target, message):
    with pytest.raises(ValueError, match=message):
        target.fit(np.array([0.0, 1.0]))


def test_another_implementation_agrees():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        other = pytest.importorskip("hl_gauss_pytorch")
    theirs = other.HLGaussLoss(-10.0, 10.0, num_bins=51, sigma_to_bin_ratio=0.75, clamp_to_range=True)
    target = HLGauss(Support(bins=51, low=-10.0, high=10.0), sigma_to_bin=0.75)
    rng = np.random.RandomState(0)
    y = rng.uniform(-10, 10, 64)
    code = target.fit(y)
    outputs = torch.as_tensor(rng.standard_normal((64, 51)), dtype=torch.float32)
    masses = theirs.transform_to_probs(torch.as_tensor(y))
    torch.testing.assert_close(target.encode(code, y), masses, atol=1e-5, rtol=0)  # their edges are float32
    loss = target.row_losses(outputs, target.encode(code, y)).mean()
    torch.testing.assert_close(loss, theirs(outputs, torch.as_tensor(y)), atol=1e-4, rtol=0)
    torch.testing.assert_close(target.mean(code, outputs), theirs(outputs), atol=1e-4, rtol=0)
