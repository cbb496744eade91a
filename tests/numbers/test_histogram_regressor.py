"""`HistogramRegressor`: distributions that fit, a temperature, scikit-learn's ways of using it, and what it refuses."""

# ruff: noqa: N806  X is scikit-learn's name

from __future__ import annotations

import copy
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from foretell.numbers import HistogramRegressor
from foretell.numbers.bodies.mlp import MLP
from foretell.numbers.targets.hl_gauss import HLGauss
from foretell.numbers.targets.mse import MSE
from foretell.numbers.targets.one_hot import OneHot
from foretell.numbers.targets.support import Support
from foretell.numbers.targets.two_hot import TwoHot
from foretell.numbers.temperature import best_temperature

TARGETS = [HLGauss(), HLGauss(sigma=0.1), TwoHot(), OneHot()]


def model(**options):
    return HistogramRegressor(**{"body": MLP((16,)), "epochs": 3, "learning_rate": 1e-2, "random_state": 0, **options})


@pytest.fixture
def rows(rng):
    X = rng.standard_normal((80, 2))
    return X, X[:, 0] + 0.3 * rng.standard_normal(80)


@pytest.mark.parametrize("target", TARGETS, ids=str)
def test_all_views_are_of_one_distribution(rows, target):
    X, y = rows
    fitted = model(target=target).fit(X, y)
    masses, distribution = fitted.predict_dist(X), fitted.predict_distribution(X)
    assert masses.shape == (80, len(fitted.code_["edges"]) - 1)
    np.testing.assert_allclose(masses.sum(axis=1), 1)
    np.testing.assert_allclose(fitted.predict(X), masses @ distribution.centres)
    np.testing.assert_array_equal(fitted.predict_quantile(X, 0.3), distribution.quantile(0.3))
    np.testing.assert_allclose(fitted.predict_interval(X, 0.8), fitted.predict_quantile(X, [0.1, 0.9]))
    np.testing.assert_array_equal(fitted.log_density(X, y), distribution.log_density(y))
    draws = fitted.sample(X, 5, random_state=3)
    assert draws.shape == (80, 5)
    np.testing.assert_array_equal(draws, fitted.sample(X, 5, random_state=3))


def test_an_untrained_network_says_what_is_common(rows):
    X, y = rows
    fitted = model(learning_rate=1e-9, epochs=1).fit(X, 1000 + y)
    start = fitted._fresh_network(0)
    assert torch.equal(start[1].bias, HLGauss().bias(fitted.code_))
    np.testing.assert_allclose(fitted.predict(X).mean(), 1000 + y.mean(), atol=0.5)


def test_laws_are_as_wide_as_the_noise(rng):
    X = rng.uniform(-1, 1, (600, 1))
    y = X[:, 0] + np.where(X[:, 0] > 0, 0.5, 0.05) * rng.standard_normal(600)
    fitted = model(body=MLP((32,)), epochs=60, learning_rate=3e-2, validation_fraction=0).fit(X, y)
    narrow, wide = np.ptp(fitted.predict_interval([[-0.5], [0.5]], 0.68), axis=1) / 2
    assert narrow == pytest.approx(0.05, abs=0.05)
    assert wide == pytest.approx(0.5, abs=0.2)


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_grid_search_over_sigma_on_tables(rows, frame):
    X, y = rows
    search = GridSearchCV(model(target=HLGauss()), {"target__sigma_to_bin": [0.5, 2.0], "body__widths": [(4,)]}, cv=2)
    table = frame({"a": X[:, 0], "b": X[:, 1]})
    best = search.fit(table, y).best_estimator_
    assert best.target.sigma_to_bin == search.best_params_["target__sigma_to_bin"]
    assert best.feature_names_in_.tolist() == ["a", "b"]
    width = np.diff(best.code_["edges"])[0]
    assert best.code_["sigma"] == pytest.approx(best.target.sigma_to_bin * width)


def test_nested_settings_clone_and_pickle(rows):
    original = model(target=HLGauss(Support(bins=20, clip=True)), validation_fraction=0.3, temperature=None)
    original.set_params(target__support__bins=30)
    copied = clone(original)
    assert copied.target is not original.target
    assert copied.get_params()["target__support__bins"] == 30
    fitted = copied.fit(*rows)
    assert fitted.predict_dist(rows[0]).shape == (80, 30)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict_dist(rows[0]), fitted.predict_dist(rows[0]))
    assert again.temperature_ == fitted.temperature_


@settings(max_examples=30, deadline=None)
@given(st.floats(0.2, 5), st.integers(0, 1000))
def test_the_best_temperature_gives_distributions_back(temperature, seed):
    generator = torch.Generator().manual_seed(seed)
    distributions = (2 * torch.randn(40, 6, generator=generator, dtype=torch.float64)).softmax(-1)
    assert best_temperature(temperature * distributions.log(), distributions, torch.ones(40), torch.rand(6) + 0.5) == pytest.approx(
        temperature, rel=1e-3
    )


def test_temperature_widens_distributions_of_a_network_that_learnt_noise(rng):
    X, y = rng.standard_normal((120, 8)), rng.standard_normal(120)
    learnt = model(temperature=None, epochs=60, patience=0, validation_fraction=0.3, body=MLP((64,))).fit(X, y)
    assert learnt.temperature_ > 1
    assert model(temperature=None, validation_fraction=19 / 120).fit(X, y).temperature_ == 1  # too few rows to tell
    fixed, plain = model(temperature=2.0).fit(X, y), model(validation_fraction=0).fit(X, y)
    assert (fixed.temperature_, plain.temperature_) == (2.0, 1.0)
    assert (np.ptp(fixed.predict_interval(X), axis=1) > np.ptp(plain.predict_interval(X), axis=1)).mean() > 0.9
    np.testing.assert_allclose(fixed.predict(X), fixed.predict_distribution(X).mean())


def test_a_temperature_from_held_out_rows_is_the_best_for_them(rows):
    fitted = model(temperature=None, validation_fraction=0.5, epochs=20, patience=0).fit(*rows)
    order = np.random.RandomState(0)
    order.randint(np.iinfo(np.int32).max)
    held = order.permutation(80)[:40]
    X, y = rows[0][held], rows[1][held]

    def loss(temperature):
        other = copy.copy(fitted)
        other.temperature_ = temperature
        return np.square(np.cumsum(other.predict_dist(X) - HLGauss().masses(fitted.code_, y), axis=1)).sum()

    best = loss(fitted.temperature_)
    assert best <= min(loss(fitted.temperature_ * 1.1), loss(fitted.temperature_ / 1.1))


def test_the_best_epoch_is_that_of_the_best_means(rows):
    fitted = model(validation_fraction=0.5, epochs=20, patience=0, learning_rate=3e-2).fit(*rows)
    order = np.random.RandomState(0)
    order.randint(np.iinfo(np.int32).max)
    held = order.permutation(80)[:40]
    assert fitted.report_["best"][0] == min(loss for _, loss in fitted.report_["history"])
    error = np.abs(fitted.predict(rows[0][held]) - rows[1][held]).mean() / np.ptp(fitted.code_["edges"])
    assert error == pytest.approx(fitted.report_["best"][0], abs=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": "hl-gauss"}, "target='hl-gauss' must be a target such as"),
        ({"temperature": 0}, "temperature=0 must be a number above 0"),
        ({"temperature": float("nan")}, "temperature=nan must be"),
        ({"temperature": "warm"}, "temperature='warm' must be"),
        ({"temperature": 2.0, "target": MSE()}, r"temperature=2.0 needs a target with a histogram, not MSE\(\)"),
        ({"target": HLGauss(sigma=1.0, sigma_to_bin=1.0)}, "give one of them"),
        ({"target": TwoHot(Support(low=-0.01, high=0.01))}, "outside the support"),
    ],
)
def test_bad_settings_are_named_with_their_value(rows, options, message):
    with pytest.raises(ValueError, match=message):
        model(**options).fit(*rows)


def test_a_constant_target_is_refused_with_advice_unless_the_support_is_given(rows):
    X, _ = rows
    with pytest.raises(ValueError, match=r"all targets are 4.0.*Support\(low=..., high=...\)"):
        model().fit(X, np.full(80, 4.0))
    fitted = model(target=HLGauss(Support(low=0.0, high=8.0)), epochs=30).fit(X, np.full(80, 4.0))
    np.testing.assert_allclose(fitted.predict(X), 4.0, atol=0.1)


def test_clipped_targets_are_counted(rows):
    X, y = rows
    with pytest.warns(UserWarning, match=f"{(np.abs(y) > 1).sum()} of 80 targets lie outside") as warned:
        fitted = model(target=HLGauss(Support(low=-1.0, high=1.0, clip=True))).fit(X, y)
    assert len(warned) == 1
    assert (np.abs(fitted.predict(X)) <= 1).all()


def test_points_have_no_distribution(rows):
    fitted = model(target=MSE()).fit(*rows)
    for ask in (fitted.predict_interval, fitted.predict_dist, fitted.sample):
        with pytest.raises(ValueError, match=r"MSE\(\) predicts a point, not a distribution"):
            ask(rows[0])


def test_bad_questions_are_refused(rows):
    X, y = rows
    fitted = model().fit(X, y)
    with pytest.raises(ValueError, match="n_samples=0"):
        fitted.sample(X, 0)
    with pytest.raises(ValueError, match="coverage=90"):
        fitted.predict_interval(X, 90)
    with pytest.raises(ValueError, match="q=-1"):
        fitted.predict_quantile(X, -1)
    with pytest.raises(ValueError, match="3 features"):
        fitted.predict(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="NaN"):
        fitted.predict([[0.0, np.nan]])
    with pytest.raises(ValueError, match="80 distributions"):
        fitted.log_density(X, y[:3])
