"""Several targets at once: each column as if it were alone, up to the network that they share; refused by name where there is no sense."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.utils.estimator_checks import check_regressor_multioutput

from foretell.errors import UserError
from foretell.numbers import ConformalRegressor, DecodingRegressor, HistogramRegressor, SupReMixEncoder
from foretell.numbers.bodies.mlp import MLP
from foretell.numbers.column_distributions import ColumnDistributions
from foretell.numbers.distributions import Histogram
from foretell.numbers.saving import load, save
from foretell.numbers.targets.each_column import EachColumn
from foretell.numbers.targets.hl_gauss import HLGauss
from foretell.numbers.targets.huber import Huber
from foretell.numbers.targets.l1 import L1
from foretell.numbers.targets.mse import MSE
from foretell.numbers.targets.one_hot import OneHot
from foretell.numbers.targets.support import Support
from foretell.numbers.targets.two_hot import TwoHot
from foretell.numbers.unlearning.blindspot import Blindspot
from foretell.numbers.unlearning.fine_tune import FineTune
from foretell.numbers.unlearning.gaussian_amnesiac import GaussianAmnesiac
from foretell.numbers.unlearning.report import UnlearningReport
from foretell.numbers.unlearning.retrain import Retrain
from foretell.numbers.unlearning.unlearn import unlearn

TARGETS = [HLGauss(Support(bins=30)), TwoHot(Support(bins=30)), OneHot(Support(bins=30)), MSE(), L1(), Huber()]


def data(rng, num=200):
    """Two columns in units that differ by a million."""
    x = rng.uniform(-1, 1, size=(num, 2))
    return x, np.stack([np.sin(3 * x[:, 0]), 1e6 * x[:, 1] + 5e6], axis=1)


def model(target, **settings):
    settings = {"epochs": 40, "learning_rate": 1e-2, "random_state": 0, **settings}
    return HistogramRegressor(body=MLP((32,)), target=target, **settings)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: type(target).__name__)
def test_every_target_learns_all_columns(target, rng):
    x, y = data(rng)
    fitted = model(target, epochs=60, learning_rate=3e-2).fit(x, y)
    assert fitted.predict(x).shape == (200, 2)
    for column in range(2):
        assert np.corrcoef(fitted.predict(x)[:, column], y[:, column])[0, 1] > 0.95
    check_regressor_multioutput("HistogramRegressor", model(target, epochs=1))


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: type(target).__name__)
def test_columns_are_coded_as_each_alone(target, rng):
    """Loss, errors, means, biases and distributions are made of those of the single columns."""
    _, y = data(rng, 12)
    several, outputs = EachColumn(target), None
    code, alone = several.fit(y), [target.fit(column) for column in y.T]
    widths = [target.width(each) for each in alone]
    outputs = torch.randn(12, several.width(code))
    parts, encoded = outputs.split(widths, 1), several.encode(code, y)
    singles = [target.encode(each, column) for each, column in zip(alone, y.T, strict=True)]
    losses = [target.row_losses(*pair) for pair in zip(parts, singles, strict=True)]
    torch.testing.assert_close(several.row_losses(outputs, encoded), torch.stack(losses).mean(0))
    errors = [target.row_errors(*each) / target.error_unit(each[0]) for each in zip(alone, parts, singles, strict=True)]
    torch.testing.assert_close(several.row_errors(code, outputs, encoded), torch.stack(errors).mean(0))
    means = [target.mean(*each) for each in zip(alone, parts, strict=True)]
    torch.testing.assert_close(several.mean(code, outputs), torch.stack(means, 1))
    torch.testing.assert_close(several.bias(code), torch.cat([target.bias(each) for each in alone]))
    others = torch.randn_like(outputs)
    away = [target.imitation(*each) for each in zip(alone, parts, others.split(widths, 1), strict=True)]
    torch.testing.assert_close(several.imitation(code, outputs, others), torch.stack(away).mean(0))
    found = several.distribution(code, outputs)
    if target.distribution(alone[0], parts[0]) is None:
        assert found is None
    else:
        np.testing.assert_allclose(found.columns[1].quantile(0.3), target.distribution(alone[1], parts[1]).quantile(0.3))


@pytest.mark.parametrize("target", [TARGETS[0], MSE()], ids=["HLGauss", "MSE"])
def test_errors_of_columns_are_in_their_standard_deviations(target, rng):
    """A model that says the mean everywhere is off by about one of them, whatever the unit."""
    y = rng.standard_normal((500, 2)) * [1.0, 1e6]
    several = EachColumn(target)
    code = several.fit(y)
    for column, each in enumerate(code["columns"]):
        said = target.bias(each).expand(500, -1)
        error = target.row_errors(each, said, target.encode(each, y[:, column])) / target.error_unit(each)
        assert 0.5 < float(error.mean()) < 1.5


def test_whole_distributions_of_several_targets(rng):
    x, y = data(rng)
    fitted = model(HLGauss(Support(bins=30)), temperature=None, validation_fraction=0.3).fit(x, y)
    assert fitted.temperature_.shape == (2,)
    found = fitted.predict_distribution(x)
    np.testing.assert_allclose(found.mean(), fitted.predict(x), rtol=1e-6)
    assert fitted.predict_dist(x).shape == (200, 2, 30)
    assert fitted.predict_quantile(x).shape == (200, 2)
    assert fitted.predict_quantile(x, np.array([0.1, 0.5, 0.9])).shape == (200, 2, 3)
    interval = fitted.predict_interval(x, 0.8)
    assert interval.shape == (200, 2, 2)
    inside = (interval[..., 0] <= y) & (y <= interval[..., 1])
    assert (inside.mean(axis=0) > 0.6).all()
    draws = fitted.sample(x[:3], 4000, random_state=0)
    assert draws.shape == (3, 2, 4000)
    np.testing.assert_allclose(draws.mean(axis=2), found.mean()[:3], atol=0.05 * y.std(axis=0).max(), rtol=0.05)
    assert fitted.log_density(x, y).shape == (200, 2)
    alone = Histogram(fitted.code_["columns"][0]["edges"], fitted.predict_dist(x)[:, 0])
    np.testing.assert_allclose(fitted.log_density(x, y)[:, 0], alone.log_density(y[:, 0]))
    with pytest.raises(UserError, match=r"y has the shape \(200,\), but there are 200 rows of 2 numbers"):
        fitted.log_density(x, y[:, 0])


def test_distributions_of_columns_against_scipy():
    edges = [np.array([0.0, 1.0, 3.0]), np.array([-2.0, 0.0, 2.0])]
    columns = [Histogram(each, np.array([[0.5, 0.5], [0.1, 0.9]])) for each in edges]
    both = ColumnDistributions(columns)
    for row in range(2):
        for column in range(2):
            masses = columns[column].masses[row]
            reference = stats.rv_histogram((masses / np.diff(edges[column]), edges[column]), density=True)
            assert both.mean()[row, column] == pytest.approx(reference.mean())
            assert both.median()[row, column] == pytest.approx(reference.median())
            assert both.interval(0.5)[row, column] == pytest.approx(reference.interval(0.5))
    assert both.mode().shape == both.log_density(np.ones((2, 2))).shape == (2, 2)
    with pytest.raises(UserError, match=r"columns have \[2, 1\] rows"):
        ColumnDistributions([columns[0], Histogram(edges[0], np.array([[0.5, 0.5]]))])


@pytest.mark.parametrize("target", [HLGauss(Support(bins=10)), MSE()], ids=["HLGauss", "MSE"])
def test_saving(target, rng, tmp_path):
    x, y = data(rng, 40)
    fitted = model(target, epochs=2).fit(x, y)
    loaded = load(save(fitted, tmp_path / "model"))
    np.testing.assert_array_equal(loaded.predict(x), fitted.predict(x))


@pytest.mark.parametrize("method", [Blindspot(), FineTune(), GaussianAmnesiac(), Retrain()], ids=lambda method: type(method).__name__)
@pytest.mark.parametrize("target", [HLGauss(Support(bins=20)), MSE()], ids=["HLGauss", "MSE"])
def test_unlearning(method, target, rng):
    x, y = data(rng, 80)
    fitted = model(target, epochs=5).fit(x, y)
    forget = x[:, 0] > 0.5
    found = unlearn(fitted, x, y, forget, method, random_state=0)
    assert found.predict(x).shape == (80, 2)
    assert not np.array_equal(found.predict(x), fitted.predict(x))
    with pytest.raises(UserError, match="UnlearningReport: y has 2 columns"):
        UnlearningReport(fitted, found, X=x, y=y, forget=forget, X_test=x, y_test=y).text()
    if method.needs_network:
        with pytest.raises(UserError, match=r"y has the shape \(80, 1\), but the estimator was fitted to 2 columns"):
            unlearn(fitted, x, y[:, :1], forget, method)
        with pytest.raises(UserError, match="y holds NaN or infinity in row 3"):
            unlearn(fitted, x, np.where(np.arange(80)[:, None] == 3, np.nan, y), forget, method)


def test_random_targets_are_those_of_their_column(rng):
    from foretell.numbers.unlearning.base import ForgetRequest

    x, y = data(rng, 80)
    forget = np.arange(80) < 40
    changed = GaussianAmnesiac().targets(ForgetRequest(x, y, forget))
    np.testing.assert_array_equal(changed[~forget], y[~forget])
    assert ((changed >= y.min(axis=0)) & (changed <= y.max(axis=0))).all()
    assert abs(np.corrcoef(changed[forget].T)[0, 1]) < 0.4  # draws of their own


def test_a_column_is_one_target(rng):
    x, y = data(rng, 40)
    with pytest.warns(match="A column-vector y was passed"):
        fitted = model(MSE(), epochs=2).fit(x, y[:, :1])
    assert fitted.predict(x).shape == (40,)
    np.testing.assert_array_equal(fitted.predict(x), model(MSE(), epochs=2).fit(x, y[:, 0]).predict(x))


def test_what_makes_no_sense_is_refused_by_name(rng):
    x, y = data(rng, 40)
    for estimator in (DecodingRegressor(), SupReMixEncoder()):
        with pytest.raises(UserError, match=f"{type(estimator).__name__}: y has 2 columns; give one, or wrap it"):
            estimator.fit(x, y)
    with pytest.raises(UserError, match="ConformalRegressor: y has 2 columns, and intervals are of one target"):
        ConformalRegressor(model(MSE())).fit(x, y)
    with pytest.raises(UserError, match="all targets are 3"):
        model(HLGauss()).fit(x, np.stack([y[:, 0], np.full(40, 3.0)], 1))
    with pytest.raises(UserError, match=r"predicts a point"):
        model(MSE(), epochs=1).fit(x, y).predict_interval(x)
