"""The call: its input stays as it was, seeds repeat, and what cannot be unlearnt is refused with a reason."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.ensemble import RandomForestRegressor
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from foretell.catalog import parts
from foretell.numbers.bodies.mlp import MLP
from foretell.numbers.estimators.histogram_regressor import HistogramRegressor
from foretell.numbers.tables.table_regressor import TableRegressor
from foretell.numbers.targets.mse import MSE
from foretell.numbers.unlearning.blindspot import Blindspot
from foretell.numbers.unlearning.retrain import Retrain
from foretell.numbers.unlearning.unlearn import fingerprints, unlearn
from foretell.parts import UnknownNameError

ROWS = np.random.RandomState(0).standard_normal((120, 3))
TRUTH = ROWS @ [1.0, -2.0, 0.5] + 0.1 * np.random.RandomState(1).standard_normal(120)
FORGET = np.quantile(TRUTH, 0.25) > TRUTH


def regressor(**settings):
    return HistogramRegressor(**{"body": MLP((16,)), "target": MSE(), "epochs": 5, "batch_size": 32, "random_state": 0} | settings)


@pytest.fixture(scope="module")
def fitted():
    return regressor().fit(ROWS, TRUTH)


@pytest.mark.parametrize("name", parts("unlearning-method"))
def test_the_input_is_the_same_to_the_bit_and_the_result_another(fitted, name):
    before, random_numbers = pickle.dumps(fitted), torch.get_rng_state()
    found = unlearn(fitted, ROWS, TRUTH, FORGET, name, random_state=3)
    assert pickle.dumps(fitted) == before
    assert torch.equal(random_numbers, torch.get_rng_state())
    assert type(found) is type(fitted)
    assert repr(found.get_params()) == repr(fitted.get_params())
    assert not np.allclose(found.predict(ROWS), fitted.predict(ROWS))
    assert not found.network_.training


@pytest.mark.parametrize("name", parts("unlearning-method"))
def test_a_seed_gives_the_same_weights_again(name):
    original = regressor(random_state=None).fit(ROWS, TRUTH)
    weights = [unlearn(original, ROWS, TRUTH, FORGET, name, random_state=seed).network_.state_dict() for seed in (3, 3, 4)]
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])
    assert not all(torch.equal(weights[0][key], weights[2][key]) for key in weights[0])


def test_row_numbers_are_a_mask_in_other_words(fitted):
    one, other = (unlearn(fitted, ROWS, TRUTH, forget, random_state=0) for forget in (FORGET, np.flatnonzero(FORGET).tolist()))
    np.testing.assert_array_equal(one.predict(ROWS), other.predict(ROWS))


def test_retraining_is_fitting_without_the_rows_for_any_regressor(fitted):
    for original in (fitted, RandomForestRegressor(5, random_state=0).fit(ROWS, TRUTH)):
        found = unlearn(original, ROWS, TRUTH, FORGET, Retrain())
        expected = pickle.loads(pickle.dumps(original)).fit(ROWS[~FORGET], TRUTH[~FORGET])
        np.testing.assert_array_equal(found.predict(ROWS), expected.predict(ROWS))


def test_retraining_repeats_by_the_seed_of_the_call_inside_other_estimators_too():
    original = TableRegressor(RandomForestRegressor(5)).fit(pd.DataFrame(ROWS), TRUTH)
    found = [unlearn(original, pd.DataFrame(ROWS), TRUTH, FORGET, "retrain", random_state=seed) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(found[0].predict(pd.DataFrame(ROWS)), found[1].predict(pd.DataFrame(ROWS)))
    assert (found[0].predict(pd.DataFrame(ROWS)) != found[2].predict(pd.DataFrame(ROWS))).any()
    assert found[0].estimator.random_state is None


def test_retraining_takes_tables_as_they_are():
    table = pd.DataFrame(ROWS, columns=["a", "b", "c"])
    found = unlearn(
        make_pipeline(StandardScaler(), RandomForestRegressor(5, random_state=0)).fit(table, TRUTH), table, TRUTH, FORGET, "retrain"
    )
    assert found[0].feature_names_in_.tolist() == ["a", "b", "c"]
    assert found[0].n_samples_seen_ == (~FORGET).sum()


def test_weights_of_rows_count():
    """A row of weight 0 is not there."""
    weight = np.where(np.arange(120) % 2, 1.0, 0.0)
    fitted = regressor().fit(ROWS, TRUTH, sample_weight=weight)
    other = TRUTH + np.where(weight > 0, 0.0, 7.0)
    one, two = (unlearn(fitted, ROWS, y, FORGET, "fine-tune", random_state=0, sample_weight=weight) for y in (TRUTH, other))
    np.testing.assert_array_equal(one.predict(ROWS), two.predict(ROWS))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"forget": np.zeros(120, dtype=bool)}, "forget names no row"),
        ({"forget": []}, "forget names no row"),
        ({"forget": np.ones(120, dtype=bool)}, "forget names all rows"),
        ({"forget": np.ones(7, dtype=bool)}, "mask of 7 rows, but there are 120"),
        ({"forget": FORGET.astype(float)}, "boolean mask"),
        ({"forget": FORGET.astype(int)}, "must be boolean"),
        ({"forget": [3, 120]}, "0 to 119"),
        ({"forget": [-1]}, "0 to 119"),
        ({"forget": FORGET[:, None]}, r"shape \(120, 1\)"),
        ({"X": None}, "all rows that the estimator was trained on"),
        ({"X": np.where(ROWS > 2, np.nan, ROWS)}, "NaN"),
        ({"X": ROWS[:, :2]}, "2 features"),
        ({"y": np.where(FORGET, np.inf, TRUTH)}, "y holds NaN or infinity in row"),
        ({"y": TRUTH[:50]}, "inconsistent numbers of samples"),
        ({"method": "blindspt"}, "blindspot"),
        ({"method": Blindspot}, "such as Blindspot()"),
        ({"method": Blindspot(beta=-1.0)}, "beta=-1.0"),
        ({"method": Blindspot(epochs=0)}, "epochs=0"),
        ({"method": Blindspot(blind_learning_rate=0.0)}, "blind_learning_rate=0.0"),
        ({"method": Blindspot(layers=("9.9",))}, "'9.9'.*0.1"),
        ({"estimator": RandomForestRegressor(2).fit(ROWS, TRUTH)}, "RandomForestRegressor has no network.*'retrain'"),
        ({"estimator": LogisticRegression().fit(ROWS, FORGET)}, "classifier"),
        ({"estimator": HistogramRegressor}, "give a fitted object"),
        ({"trained_on": fingerprints(ROWS[:60], TRUTH[:60])}, "not trained on"),
    ],
)
def test_what_cannot_be_unlearnt_is_refused(fitted, changes, message):
    given = {"estimator": fitted, "X": ROWS, "y": TRUTH, "forget": FORGET, "method": Blindspot(), "trained_on": None} | changes
    with pytest.raises((ValueError, UnknownNameError), match=message):
        unlearn(given.pop("estimator"), given.pop("X"), given.pop("y"), **given)


def test_an_estimator_that_was_not_fitted_is_refused():
    with pytest.raises(NotFittedError):
        unlearn(regressor(), ROWS, TRUTH, FORGET)


def test_known_rows_pass_by_their_fingerprints(fitted):
    marks = fingerprints(ROWS, TRUTH)
    assert len(set(marks.tolist())) == 120
    unlearn(fitted, ROWS, TRUTH, FORGET, "fine-tune", trained_on=marks)


def test_rows_that_cannot_be_all_are_noticed(fitted):
    with pytest.warns(UserWarning, match="column . of X has another mean"):
        unlearn(fitted, ROWS[:90], TRUTH[:90], FORGET[:90], "fine-tune")


def test_a_table_keeps_its_encoder():
    table = pd.DataFrame({"a": ROWS[:, 0], "kind": np.where(ROWS[:, 1] > 0, "x", "y")})
    original = TableRegressor(regressor()).fit(table, TRUTH)
    before = pickle.dumps(original)
    found = unlearn(original, table, TRUTH, FORGET, random_state=0)
    inner = unlearn(original.estimator_, original.encoder_.transform(table), TRUTH, FORGET, random_state=0)
    np.testing.assert_array_equal(found.predict(table), inner.predict(original.encoder_.transform(table)))
    assert pickle.dumps(original) == before
    with pytest.raises(ValueError, match="Ridge has no network"):
        unlearn(TableRegressor(Ridge()).fit(table, TRUTH), table, TRUTH, FORGET)
