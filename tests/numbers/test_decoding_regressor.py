"""`DecodingRegressor`: its distribution is exact, whole and forbids what the format forbids; bad input is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.base import clone

from foretell.numbers.bodies.mlp import MLP
from foretell.numbers.digits.decimal_text import DecimalText
from foretell.numbers.digits.floating import Floating
from foretell.numbers.digits.head import DigitHead
from foretell.numbers.digits.normalised import Normalised
from foretell.numbers.estimators.decoding_regressor import DecodingRegressor
from foretell.numbers.linear_part import linear_part
from foretell.numbers.shifted import Shifted

SMALL = {"body": MLP((16,)), "decoder": DigitHead(16), "epochs": 15, "n_members": 2, "random_state": 0, "learning_rate": 1e-2}
FORMATS = [Normalised(4, 3), Normalised(10, 2), Floating(2, 2), DecimalText(precision=1)]


def rows(rng, num=120):
    x = rng.standard_normal((num, 3))
    return x, 2 * x[:, 0] + np.sin(2 * x[:, 1]) + 0.2 * rng.standard_normal(num)


@pytest.fixture(scope="module", params=FORMATS, ids=repr)
def fitted(request):
    return DecodingRegressor(format=request.param, **SMALL).fit(*rows(np.random.RandomState(0)))


def new_rows():
    return np.random.RandomState(1).standard_normal((6, 3))


def test_the_distribution_is_whole_and_equals_the_product_along_the_tokens(fitted):
    x, leaves = new_rows(), fitted.leaves_
    outputs = fitted._outputs(x)
    np.testing.assert_allclose(outputs[:, 1:].sum(1), 1, rtol=1e-12)
    assert (outputs[:, 1:] > 0).all()
    network, inputs = fitted.network_, fitted._inputs(x)
    for number in range(0, len(leaves), max(1, len(leaves) // 7)):  # against a walk token by token, over what may follow alone
        total = 0.0
        for body, decoder in zip(network.bodies, network.decoders, strict=True):
            mass = torch.ones(len(x), dtype=torch.float64)
            levels = [level for level in leaves.levels if level.allowed.sum(1).max() > 1]
            for place, level in zip(decoder.places, levels, strict=True):
                node = level.node[number]
                logits = (place.after(place.layer(body(inputs)) + place.beginning[node]) + place.common[node]).double()
                may = np.flatnonzero(level.allowed[node])
                mass = mass * logits[:, may].softmax(-1)[:, list(may).index(level.token[number])]
            total = total + mass / len(network.bodies)
        np.testing.assert_allclose(outputs[:, 1 + number].numpy(), total.detach().numpy(), rtol=2e-4)


def test_mean_and_quantiles_are_those_of_many_draws(fitted):
    x = new_rows()
    distribution = fitted.predict_distribution(x)
    draws = fitted.sample(x, 100_000, random_state=3)
    error = draws.std(axis=1) / np.sqrt(draws.shape[1])
    assert (np.abs(draws.mean(axis=1) - distribution.mean()) < 4.5 * error).all()
    np.testing.assert_allclose(fitted.predict(x), distribution.mean())
    np.testing.assert_allclose(fitted._point(fitted._outputs(x)).numpy(), distribution.mean(), rtol=1e-9, atol=1e-9)
    for level in (0.05, 0.5, 0.9):
        below = (draws <= fitted.predict_quantile(x, level)[:, None]).mean(axis=1)
        assert (np.abs(below - level) < 4.5 * np.sqrt(level * (1 - level) / draws.shape[1])).all()
    interval = fitted.predict_interval(x, 0.8)
    held = ((draws >= interval[:, :1]) & (draws <= interval[:, 1:])).mean(axis=1)
    np.testing.assert_allclose(held, 0.8, atol=0.006)


def test_the_density_integrates_to_one(fitted):
    x = new_rows()[:2]
    distribution, shift = fitted.predict_distribution(x), fitted._outputs(x)[:, 0].numpy()
    edges = fitted.leaves_.edges
    middles, widths = (edges[:-1] + edges[1:]) / 2, np.diff(edges)
    total = sum(np.exp(distribution.log_density(shift + middle)) * width for middle, width in zip(middles, widths, strict=True))
    np.testing.assert_array_equal(fitted.log_density(x, shift), distribution.log_density(shift))
    np.testing.assert_allclose(total, 1, rtol=1e-9)
    assert (distribution.log_density(shift + edges[-1] + 1) == -np.inf).all()


def test_draws_are_numbers_of_the_format(fitted):
    x = new_rows()
    numbers = fitted.predict_numbers(x)
    draws = numbers.sample(500, np.random.RandomState(0)) - numbers.shift[:, None]
    gap = np.abs(draws[..., None] - fitted.leaves_.values).min(axis=-1)
    assert gap.max() < 1e-9
    np.testing.assert_allclose(
        np.exp(numbers.distribution.log_density(np.full(len(x), fitted.leaves_.values[3]))), numbers.distribution.masses[:, 3]
    )


@pytest.mark.parametrize("point", ["mean", "median", "mode"])
def test_points(point):
    x, y = rows(np.random.RandomState(0))
    found = DecodingRegressor(format=Normalised(4, 3), point=point, **SMALL).fit(x, y)
    np.testing.assert_array_equal(found.predict(x), getattr(found.predict_distribution(x), point)())


def test_it_learns_a_distribution_that_no_line_has():
    rng = np.random.RandomState(0)
    x = rng.uniform(-1, 1, (600, 1))
    y = np.where(rng.uniform(size=600) < 0.5, 1, -1) * (2 + x[:, 0]) + 0.1 * rng.standard_normal(600)
    found = DecodingRegressor(format=Normalised(4, 3), **{**SMALL, "epochs": 30}, smoothing=0.05).fit(x, y)
    low, high = found.predict_quantile(np.array([[0.5]]), np.array([0.25, 0.75]))[0]
    assert abs(low + 2.5) < 0.4
    assert abs(high - 2.5) < 0.4
    assert np.exp(found.log_density([[0.5]], [0.0]))[0] < 0.05 < np.exp(found.log_density([[0.5]], [2.5]))[0]


def test_a_line_is_left_to_the_linear_part():
    rng = np.random.RandomState(0)
    x = rng.standard_normal((150, 4))
    y = 1e6 + x @ [3.0, -2.0, 1.0, 0.0] + 0.1 * rng.standard_normal(150)
    found = DecodingRegressor(format=Normalised(10, 2), **SMALL).fit(x[:100], y[:100])
    assert np.sqrt(np.mean((found.predict(x[100:]) - y[100:]) ** 2)) < 0.15


def test_the_rests_are_those_of_rows_left_out():
    rng = np.random.RandomState(0)
    x, y = rng.standard_normal((12, 5)), rng.standard_normal(12)
    x -= x.mean(axis=0)
    slopes, rest = linear_part(x, y)
    from sklearn.linear_model import Ridge, RidgeCV

    alpha = RidgeCV(np.logspace(-3, 4, 15)).fit(x, y).alpha_
    plain = Ridge(alpha).fit(x, y)
    left_out = [y[i] - Ridge(alpha).fit(np.delete(x, i, 0), np.delete(y, i)).predict(x[i : i + 1])[0] for i in range(12)]
    np.testing.assert_allclose(slopes, plain.coef_)
    np.testing.assert_allclose(rest - plain.intercept_, left_out, rtol=1e-6)


def test_members_hold_out_different_rows():
    x, y = rows(np.random.RandomState(0))
    found = DecodingRegressor(format=Normalised(4, 3), **{**SMALL, "n_members": 3}).fit(x, y)
    data = [found._inputs(x), torch.zeros(len(y)), torch.ones(len(y))]
    learnt, held = found._split(data, torch.randperm(len(y)))
    assert ((held[2] > 0).sum(1) == 1).all()
    assert ((learnt[2] > 0) == (held[2] == 0)).all()
    torch.testing.assert_close(learnt[2].mean(), torch.tensor(1.0))
    torch.testing.assert_close(held[2].mean(), torch.tensor(1.0))


def test_the_blur_is_as_wide_as_said():
    x, y = rows(np.random.RandomState(0))
    found = DecodingRegressor(format=Normalised(10, 4), **{**SMALL, "epochs": 1}, smoothing=0.5, n_draws=400, linear=False).fit(x, y)
    leaves = found.leaves_
    middle = (leaves.edges[0] + leaves.edges[-1]) / 2
    draws = leaves.values[found._blurred(found._encode(np.array([middle])), torch.full((1, 400), 0.5)).numpy()[0]] - middle
    assert abs(draws.std() / (0.5 * y.std()) - 1) < 0.02
    assert stats.kstest(draws / draws.std(), "norm").statistic < 0.02


def test_weights_are_those_of_repeated_rows():
    x, y = rows(np.random.RandomState(0), 40)
    weight = np.random.RandomState(1).randint(0, 3, 40).astype(float)
    weighted = DecodingRegressor(format=Normalised(4, 3), **{**SMALL, "epochs": 1}).fit(x, y, weight)
    again = np.repeat(np.arange(40), weight.astype(int))
    repeated = DecodingRegressor(format=Normalised(4, 3), **{**SMALL, "epochs": 1}).fit(x[again], y[again])
    np.testing.assert_allclose(weighted.mean_, repeated.mean_)
    assert weighted.prior_.sum() == pytest.approx(1)


def test_same_seed_same_distribution():
    x, y = rows(np.random.RandomState(0))
    one = DecodingRegressor(format=Normalised(4, 3), **SMALL).fit(x, y)
    np.testing.assert_array_equal(one.predict(x), clone(one).fit(x, y).predict(x))


def test_constant_targets():
    x = np.random.RandomState(0).standard_normal((20, 2))
    found = DecodingRegressor(**{**SMALL, "epochs": 2}).fit(x, np.full(20, 7.0))
    np.testing.assert_allclose(found.predict(x), 7, atol=0.02)


def test_more_columns_than_rows():
    rng = np.random.RandomState(0)
    x, y = rng.standard_normal((12, 40)), rng.standard_normal(12)
    assert np.isfinite(DecodingRegressor(format=Normalised(4, 2), **SMALL).fit(x, y).predict(x)).all()


def test_targets_outside_given_bounds_have_no_density_and_are_refused_in_training():
    x, y = rows(np.random.RandomState(0))
    found = DecodingRegressor(format=Normalised(4, 3, minimum=-10, maximum=10), linear=False, **SMALL).fit(x, y)
    assert (found.log_density(x[:2], [11.0, -10.5]) == -np.inf).all()
    with pytest.raises(ValueError, match=r"maximum=1.*leaves out targets"):
        DecodingRegressor(format=Normalised(maximum=1), linear=False, **SMALL).fit(x, y)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"n_members": 0}, "n_members=0"),
        ({"n_draws": 0}, "n_draws=0"),
        ({"n_draws": 1.5}, "n_draws=1.5"),
        ({"smoothing": -1}, "smoothing=-1"),
        ({"point": "middle"}, "point='middle'.*mean, median, mode"),
        ({"decoder": DigitHead(0)}, "width=0"),
        ({"decoder": DigitHead(dropout=1)}, "dropout=1"),
        ({"epochs": 0}, "epochs=0"),
    ],
)
def test_bad_settings(options, named):
    with pytest.raises(ValueError, match=named):
        DecodingRegressor(**{**SMALL, **options}).fit(*rows(np.random.RandomState(0)))


def test_bad_input():
    x, y = rows(np.random.RandomState(0))
    model = DecodingRegressor(**SMALL)
    with pytest.raises(ValueError, match="NaN"):
        model.fit(np.where(x > 2, np.nan, x), y)
    with pytest.raises(ValueError, match=r"y contains NaN|Input y"):
        model.fit(x, np.where(y > 2, np.nan, y))
    with pytest.raises(ValueError, match=r"could not convert string|dtype"):
        model.fit(np.array([["a", "b", "c"]] * 3), y[:3])
    with pytest.raises(ValueError, match="minimum of 2"):
        model.fit(x[:1], y[:1])
    with pytest.raises(ValueError, match="shape"):
        Shifted(Normalised().leaves({"low": 0.0, "high": 1.0}).points(np.ones((2, 1000))), np.zeros(3))
