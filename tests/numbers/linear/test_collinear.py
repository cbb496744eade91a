"""Tables whose columns are combinations of others: levels with an intercept, copies, sums, constants."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from foretell.errors import UserError
from foretell.numbers.estimators.conformal_regressor import ConformalRegressor
from foretell.numbers.estimators.sketched_linear_regression import SketchedLinearRegression
from foretell.numbers.linear.sketches.countsketch import CountSketch
from foretell.numbers.tables.table_encoder import TableEncoder
from foretell.numbers.tables.table_regressor import TableRegressor

RNG = np.random.RandomState(0)
NUM = 1500
TABLE = pd.DataFrame({"size": RNG.uniform(1, 9, NUM), "kind": RNG.choice(["a", "b", "c"], NUM), "day": RNG.choice(["Sat", "Sun"], NUM)})
PRICE = 3 * TABLE["size"] + 5 * (TABLE["kind"] == "b") - 2 * (TABLE["day"] == "Sun") + 7 + RNG.standard_normal(NUM)


@pytest.mark.parametrize("settings", [{"refine": 20}, {"m": 10_000}, {"refine": 20, "n_repeats": 2}])
@pytest.mark.parametrize("extra", [{}, {"twice": TABLE["size"] * 2, "one": 1.0}, {"sum": TABLE["size"] + 1e3}])
@pytest.mark.filterwarnings("ignore:.*solved exactly")
def test_the_fit_is_that_of_least_squares_and_the_warning_names_columns_and_levels(settings, extra):
    table = TABLE.assign(**extra)
    model = TableRegressor(SketchedLinearRegression(random_state=0, **settings))
    with pytest.warns(UserWarning, match=r"'kind=c', 'day=Sun'.*left out") as seen:
        model.fit(table, PRICE)
    assert all(f"'{name}'" in str(seen[-1].message) for name in extra)
    encoded = TableEncoder().fit_transform(table)
    np.testing.assert_allclose(model.predict(table), LinearRegression().fit(encoded, PRICE).predict(encoded), atol=1e-6)
    fitted = model.estimator_
    assert fitted.coef_.shape == fitted.coef_std_.shape == (encoded.shape[1],)
    assert (fitted.coef_ == 0).sum() == 2 + len(extra)
    found, spread = fitted.predict(pd.DataFrame(encoded, columns=fitted.feature_names_in_), return_std=True)
    assert np.isfinite(spread).all()
    np.testing.assert_allclose(found, model.predict(table))


def test_where_they_are_refused_the_message_names_them_and_a_remedy():
    model = TableRegressor(SketchedLinearRegression(collinear="error", random_state=0))
    with pytest.raises(UserError, match=r"'(kind|day)=.*collinear"):
        model.fit(TABLE, PRICE)
    with pytest.raises(UserError, match="collinear='never' must be"):
        SketchedLinearRegression(collinear="never").fit(RNG.standard_normal((50, 2)), np.arange(50.0))


@pytest.mark.filterwarnings("ignore:.*left out")
def test_intervals_around_it_on_a_table_with_levels():
    model = TableRegressor(ConformalRegressor(SketchedLinearRegression(random_state=0), coverage=0.8, random_state=0)).fit(TABLE, PRICE)
    low, high = model.predict_interval(TABLE, 0.8).T
    assert 0.7 < ((low <= PRICE) & (high >= PRICE)).mean() < 0.9


def test_columns_that_only_the_sketch_lacks_are_no_combinations():
    rows = np.zeros((4000, 3))
    rows[:, 0] = RNG.standard_normal(4000)
    rows[0, 1], rows[1, 2] = 1.0, 1.0  # two single rows, which CountSketch may put into one with a sign each
    y = RNG.standard_normal(4000)
    refused = 0
    for seed in range(60):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                SketchedLinearRegression(CountSketch(), m=5, fit_intercept=False, random_state=seed).fit(rows, y)
            except UserError as error:
                refused += "a larger m or a dense sketch" in str(error)
    assert refused


def test_full_rank_is_untouched():
    rows, y = RNG.standard_normal((900, 3)), RNG.standard_normal(900)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        one, other = (SketchedLinearRegression(collinear=way, random_state=0).fit(rows, y).coef_ for way in ("drop", "error"))
    np.testing.assert_array_equal(one, other)
