"""Everything that says a number says one kind of distribution, whose figures agree with independent formulas."""

from __future__ import annotations

import warnings
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.integrate import quad
from sklearn.dummy import DummyRegressor

from foretell.catalog import parts
from foretell.errors import UserError
from foretell.numbers.column_distributions import ColumnDistributions
from foretell.numbers.conformal.distribution import MOST_SCORES, ConformalDistribution, few_ranks
from foretell.numbers.conformal.scores import AbsoluteResidual, NormalisedResidual
from foretell.numbers.distributions import Histogram, PointMasses
from foretell.numbers.estimators.conformal_regressor import ConformalRegressor
from foretell.numbers.estimators.histogram_regressor import HistogramRegressor
from foretell.numbers.predictive_distribution import PredictiveDistribution
from foretell.numbers.shifted import Shifted
from foretell.numbers.tables.table_regressor import TableRegressor
from foretell.numbers.targets.mse import MSE

RNG = np.random.RandomState(0)
EDGES = np.array([-3.0, -1.0, 0.5, 2.0, 7.0])
MASSES = RNG.dirichlet(np.ones(4), size=6) * [[1, 1, 1, 1]] * 5  # not normalised
VALUES = np.array([-2.0, 0.0, 0.25, 4.0])
TRUE = np.array([-5.0, -1.0, 0.3, 2.0, 6.0, 11.0])


def pinball_crps(said, y, levels=4_000):
    """The CRPS as twice the integral of the pinball loss over all levels: another formula, by quantiles alone."""
    q = (np.arange(levels) + 0.5) / levels
    away = y[:, None] - said.quantile(q)
    return 2 * np.mean(np.maximum(q * away, (q - 1) * away), axis=1)


def test_a_histogram_is_scipys():
    said = Histogram(EDGES, MASSES)
    for row, y in enumerate(TRUE):
        other = stats.rv_histogram((MASSES[row] / np.diff(EDGES), EDGES), density=True)
        assert said.mean()[row] == pytest.approx(other.mean())
        assert said.std()[row] == pytest.approx(other.std())
        assert said.cdf(TRUE)[row] == pytest.approx(other.cdf(y))
        np.testing.assert_allclose(said.quantile(np.array([0.1, 0.5, 0.99]))[row], other.ppf([0.1, 0.5, 0.99]))
        if EDGES[0] < y < EDGES[-1]:
            assert said.density(TRUE)[row] == pytest.approx(other.pdf(y))
            assert said.nll(TRUE)[row] == pytest.approx(-other.logpdf(y))
        cuts = sorted({*EDGES, y})
        pieces = [quad(lambda x: (other.cdf(x) - (x >= y)) ** 2, low, high)[0] for low, high in pairwise(cuts)]  # noqa: B023
        assert said.crps(TRUE)[row] == pytest.approx(sum(pieces), rel=1e-6)


def test_point_masses_are_scipys_and_their_crps_has_the_energy_form():
    said = PointMasses(VALUES, MASSES)
    for row, y in enumerate(TRUE):
        masses = MASSES[row] / MASSES[row].sum()
        other = stats.rv_discrete(values=(np.arange(4), masses))
        assert said.mean()[row] == pytest.approx(masses @ VALUES)
        assert said.std()[row] == pytest.approx(np.sqrt(masses @ VALUES**2 - (masses @ VALUES) ** 2))
        assert said.cdf(TRUE)[row] == pytest.approx(other.cdf((y >= VALUES).sum() - 1))
        energy = masses @ np.abs(VALUES - y) - masses @ np.abs(VALUES[:, None] - VALUES) @ masses / 2
        assert said.crps(TRUE)[row] == pytest.approx(energy)
    own = PointMasses(np.tile(VALUES, (6, 1)) + TRUE[:, None], MASSES)  # each row has its own values
    moved = Shifted(said, TRUE)
    for name in ("mean", "std", "mode", "median"):
        np.testing.assert_allclose(getattr(own, name)(), getattr(moved, name)())
    for name in ("cdf", "crps"):
        np.testing.assert_allclose(getattr(own, name)(TRUE + 0.5), getattr(moved, name)(TRUE + 0.5))
    assert PointMasses(np.array([3.0]), np.ones((1, 1))).crps(np.array([5.0])).tolist() == [2.0]  # the absolute error


def test_a_fine_histogram_of_a_normal_has_the_closed_crps_of_a_normal():
    edges = np.linspace(-8, 8, 4001)
    said = Histogram(edges, np.tile(np.diff(stats.norm.cdf(edges)), (6, 1)))
    y = TRUE / 3
    closed = y * (2 * stats.norm.cdf(y) - 1) + 2 * stats.norm.pdf(y) - 1 / np.sqrt(np.pi)
    np.testing.assert_allclose(said.crps(y), closed, atol=1e-5)
    np.testing.assert_allclose(said.nll(y), -stats.norm.logpdf(y), atol=1e-2)


@pytest.mark.parametrize("num", [1, 2, 9, 19, 99, 1000])
def test_central_intervals_of_a_conformal_distribution_are_the_conformal_ones(num):
    scores = np.sort(RNG.exponential(size=num))
    X, y = np.zeros((num, 1)), scores  # noqa: N806

    zero = DummyRegressor(strategy="constant", constant=0.0).fit(X, y)
    model = ConformalRegressor(zero, AbsoluteResidual(), coverage=0.5, prefit=True).fit(X, y)
    said = model.predict_distribution(X[:1])
    for coverage in (0.5, 0.6, 0.75, 0.8, 0.9, 0.95):
        if coverage / (1 - coverage) <= num + 1e-9 and num <= MOST_SCORES and coverage * (num + 1) > 1:
            np.testing.assert_allclose(said.interval(coverage), model.predict_interval(X[:1], coverage), err_msg=str(coverage))
    assert said.mean()[0] == pytest.approx(0, abs=1e-8)
    assert said.median()[0] == 0
    wide = said.interval(0.9)[0, 1]
    if num > MOST_SCORES:  # never narrower
        exact = model.predict_interval(X[:1], 0.9)[0, 1]
        assert exact <= wide <= scores[np.searchsorted(scores, exact) + 3]
    with pytest.raises(UserError, match="by crps"):
        said.nll(np.zeros(1))
    assert few_ranks(num)[-1] == num


def check(said, y):
    """The laws of every distribution: its methods agree with each other."""
    assert isinstance(said, PredictiveDistribution)
    if isinstance(said, ColumnDistributions):
        for column, truth in zip(said.columns, y.T, strict=True):
            check(column, truth)
        shape = (len(said), len(said.columns))
        assert said.std().shape == said.cdf(y).shape == said.crps(y).shape == shape
        return
    num, levels = len(said), np.array([0.01, 0.2, 0.5, 0.9])
    scale = said.std() + np.abs(said.mean()) + 1e-12
    for place, level in enumerate(levels):
        found = said.quantile(levels)[:, place]
        assert (said.cdf(found + 1e-7 * scale) >= level - 1e-6).all()
        assert (said.cdf(found - 1e-7 * scale - 1e-7 * np.abs(found)) <= level + 1e-6).all()
    np.testing.assert_allclose(said.crps(y), pinball_crps(said, y), rtol=0.02, atol=2e-3 * scale.max())
    draws = said.sample(4000, np.random.RandomState(0))
    assert (np.abs(draws.mean(axis=1) - said.mean()) <= 6 * said.std() / np.sqrt(4000) + 1e-9 * scale).all()
    np.testing.assert_array_equal(said.median(), said.quantile(0.5))
    assert said.interval(0.8).shape == (num, 2)
    if not isinstance(said, ConformalDistribution):
        np.testing.assert_allclose(said.nll(y), -said.log_density(y))
        np.testing.assert_allclose(said.density(y), np.exp(said.log_density(y)))


ROWS = RNG.standard_normal((80, 3))
NUMBERS = ROWS @ [1.0, -2.0, 0.5] + RNG.standard_normal(80)
SAYS = [(name, i) for name, cls in parts("estimator").items() if hasattr(cls, "predict_distribution") for i in range(len(cls.examples()))]


@pytest.mark.every_part
@pytest.mark.parametrize(("name", "which"), SAYS)
def test_every_estimator_that_says_a_distribution(name, which):
    model = parts("estimator")[name].examples()[which]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(ROWS, NUMBERS)
    if isinstance(getattr(model, "target", None), MSE):
        with pytest.raises(UserError, match="predicts a point"):
            model.predict_distribution(ROWS[:3])
        return
    said = model.predict_distribution(ROWS[:3])
    check(said, NUMBERS[:3])
    table = pd.DataFrame(ROWS, columns=list("abc"))
    if name != "prompted-regressor":
        around = TableRegressor(model).fit(table, NUMBERS)
        np.testing.assert_allclose(around.predict_distribution(table[:3]).mean(), said.mean())


@pytest.mark.parametrize("conformity", [None, AbsoluteResidual(), NormalisedResidual()])
def test_conformal_intervals_are_those_of_the_distribution(conformity):
    inner = HistogramRegressor.examples()[0]
    model = ConformalRegressor(inner, conformity, coverage=0.8, random_state=0).fit(ROWS, NUMBERS)
    check(model.predict_distribution(ROWS[:4]), NUMBERS[:4])
    np.testing.assert_allclose(model.predict_distribution(ROWS).interval(0.8), model.predict_interval(ROWS, 0.8))
    np.testing.assert_allclose(model.predict_quantile(ROWS, 0.9), model.predict_interval(ROWS, 0.8)[:, 1])


@pytest.mark.every_part
@pytest.mark.parametrize("name", [name for name, cls in parts("forecaster").items() if hasattr(cls, "predict_distribution")])
def test_every_forecaster_that_says_a_distribution(name):
    rows = np.sin(np.arange(160.0) / 4)[:, None] * [1.0, 5.0] + RNG.standard_normal((160, 2))
    for model in parts("forecaster")[name].examples():
        model.fit(rows)
        said = model.predict_distribution()
        check(said, rows[-model.horizon :])
        np.testing.assert_allclose(said.interval(0.8), model.predict_interval(coverage=0.8))
        np.testing.assert_allclose(said.median(), model.predict())
