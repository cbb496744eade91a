"""What all regressors with a network share, on the one with a single output."""

# ruff: noqa: N803, N806  X is scikit-learn's name

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

from foretell.numbers import HistogramRegressor
from foretell.numbers.bodies.mlp import MLP
from foretell.numbers.input_spec import flat
from foretell.numbers.targets.mse import MSE


def model(**settings):
    settings = {"epochs": 3, "learning_rate": 1e-2, "random_state": 0, **settings}
    return HistogramRegressor(body=MLP((8,)), target=MSE(), **settings)


@pytest.fixture
def rows(rng):
    X = rng.standard_normal((60, 3))
    return X, X[:, 0] - X[:, 1] + 5


def test_the_same_random_state_gives_the_same_predictions(rows):
    first, again, other = (model(random_state=seed).fit(*rows).predict(rows[0]) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    states = [model(random_state=np.random.RandomState(7)).fit(*rows).predict(rows[0]) for _ in range(2)]
    np.testing.assert_array_equal(*states)


def test_nobody_elses_random_numbers_are_disturbed(rows):
    torch.manual_seed(3)
    np.random.seed(3)
    expected = torch.rand(1), np.random.rand()
    torch.manual_seed(3)
    np.random.seed(3)
    model().fit(*rows)
    assert (torch.rand(1), np.random.rand()) == expected


def test_features_are_standardised_and_units_do_not_matter(rows):
    X, y = rows
    moved = model().fit(X * [1e6, 1.0, 1e-6] + [5e6, 0.0, 0.0], y)
    np.testing.assert_allclose(moved.predict(X * [1e6, 1.0, 1e-6] + [5e6, 0.0, 0.0]), model().fit(X, y).predict(X), atol=1e-4)
    constant = np.hstack([X, np.full((60, 1), 7.0)])
    assert np.isfinite(model().fit(constant, y).predict(constant)).all()


def test_a_row_without_weight_is_as_good_as_absent(rows):
    X, y = rows
    weight = np.r_[np.ones(40), np.zeros(20)]
    without = model().fit(X[:40], y[:40]).predict(X)
    np.testing.assert_allclose(model().fit(X, np.r_[y[:40], np.full(20, 1e9)], weight).predict(X), without, rtol=1e-6)


def test_weights_pull_and_their_scale_does_not_matter(rng):
    X, y = np.zeros((40, 1)), np.repeat([0.0, 1.0], 20)
    weight = np.repeat([1.0, 9.0], 20)
    heavy, scaled, plain = (
        model(epochs=60, validation_fraction=0, learning_rate=5e-2).fit(X, y, each).predict(X[:1])[0]
        for each in (weight, 50 * weight, None)
    )
    assert heavy == pytest.approx(0.9, abs=0.02)
    assert scaled == pytest.approx(heavy, abs=1e-5)
    assert plain == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_tables_keep_their_names(rows, frame):
    X, y = rows
    table = frame(dict(zip("abc", X.T, strict=True)))
    fitted = model().fit(table, y)
    assert fitted.feature_names_in_.tolist() == ["a", "b", "c"]
    np.testing.assert_array_equal(fitted.predict(table), model().fit(X, y).predict(X))
    with pytest.raises(ValueError, match="feature names"):
        fitted.predict(table[["b", "a", "c"]])


def test_more_columns_than_rows_and_two_rows_will_do(rng):
    assert np.isfinite(model().fit(rng.standard_normal((5, 40)), np.arange(5.0)).predict(rng.standard_normal((2, 40)))).all()
    assert model().fit(rng.standard_normal((2, 3)), [0.0, 1.0]).predict(np.zeros((1, 3))).shape == (1,)


def test_the_report_says_what_happened(rows):
    fitted = model(epochs=4, batch_size=10, validation_fraction=0.5).fit(*rows)
    assert fitted.report_["step"] == 4 * 3
    assert len(fitted.report_["history"]) == 4


@pytest.mark.parametrize(
    ("X", "y", "weight", "message"),
    [
        ([[1.0], [np.nan]], [0, 1], None, "NaN"),
        ([[1.0], [np.inf]], [0, 1], None, "infinity"),
        ([[1.0], [2.0]], [0, np.nan], None, "NaN"),
        ([[1.0]], [0.0], None, "minimum of 2"),
        ([["red"], ["blue"]], [0, 1], None, "Convert your data to numeric values"),
        (pd.DataFrame({"colour": ["red", "blue"]}), [0, 1], None, "could not convert string.*encode columns of text first"),
        ([[1.0], [2.0]], ["a", "b"], None, "could not convert string"),
        ([1.0, 2.0], [0, 1], None, "Reshape"),
        ([[1.0], [2.0]], [0, 1, 2], None, "inconsistent"),
        ([[1.0], [2.0]], [0, 1], [1, 0], "sample_weight has 1 rows above 0"),
        ([[1.0], [2.0]], [0, 1], [1, -1], "sample_weight"),
    ],
)
def test_bad_rows_are_refused(X, y, weight, message):
    with pytest.raises(ValueError, match=message):
        model().fit(X, y, weight)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", 0), ("epochs", 2.5), ("batch_size", 0), ("learning_rate", 0), ("learning_rate", float("nan")), ("weight_decay", -1),
        ("validation_fraction", 1), ("validation_fraction", -0.1), ("patience", -1), ("device", "abacus"), ("random_state", "zero"),
    ],
)  # fmt: skip
def test_bad_settings_are_named_with_their_value(rows, name, value):
    with pytest.raises(ValueError, match=str(value)):
        model(**{name: value}).fit(*rows)


@pytest.mark.parametrize("body", [MLP(()), MLP((0,)), MLP((8,), activation="step"), MLP((8,), dropout=1.0), "mlp"])
def test_bad_bodies_are_named(rows, body):
    with pytest.raises(ValueError, match=r"widths=|activation=|dropout=|body="):
        HistogramRegressor(body=body, target=MSE()).fit(*rows)


def test_bodies_have_what_they_were_asked_for(rows):
    body = MLP((8, 4), activation="gelu", dropout=0.1, layer_norm=True)
    kinds = [type(layer).__name__ for layer in body.build(flat(3))[0]]
    assert kinds == ["Linear", "LayerNorm", "GELU", "Dropout"] * 2
    fitted = HistogramRegressor(body=body, target=MSE(), epochs=2, random_state=0).fit(*rows)
    np.testing.assert_array_equal(fitted.predict(rows[0]), fitted.predict(rows[0]))  # nothing is dropped any more
