"""Every estimator with every method, bare and wrapped: it is unlearned, or refused with the method that works."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest

from foretell.catalog import parts
from foretell.errors import UserError
from foretell.numbers.bodies.mlp import MLP
from foretell.numbers.conformal.scores import AbsoluteResidual, NormalisedResidual
from foretell.numbers.digits.head import DigitHead
from foretell.numbers.digits.normalised import Normalised
from foretell.numbers.estimators.conformal_regressor import ConformalRegressor
from foretell.numbers.estimators.decoding_regressor import DecodingRegressor
from foretell.numbers.estimators.histogram_regressor import HistogramRegressor
from foretell.numbers.saving import load, save
from foretell.numbers.tables.table_encoder import TableEncoder
from foretell.numbers.tables.table_regressor import TableRegressor
from foretell.numbers.torch_regressor import TorchRegressor
from foretell.numbers.unlearning.attacks import relearning
from foretell.numbers.unlearning.figures import figures
from foretell.numbers.unlearning.unlearn import unlearn

METHODS = sorted(parts("unlearning-method"))
TRAINING = [name for name, method in sorted(parts("unlearning-method").items()) if method.needs_network]
RNG = np.random.RandomState(0)
ROWS = RNG.standard_normal((120, 3))
TRUTH = 100 + ROWS @ [30.0, -20.0, 5.0] + RNG.standard_normal(120)
FORGET = np.quantile(TRUTH, 0.2) > TRUTH
REGRESSORS = {name: cls for name, cls in parts("estimator").items() if hasattr(cls, "predict")}


def decoding(**settings):
    small = {"format": Normalised(8, 2), "body": MLP((16,)), "decoder": DigitHead(8), "n_members": 1, "validation_fraction": 0}
    return DecodingRegressor(**small | {"epochs": 60, "learning_rate": 1e-2, "random_state": 0} | settings)


def quietly(*call, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return unlearn(*call, **options)


@pytest.mark.every_part
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", REGRESSORS)
def test_every_estimator_is_unlearned_or_refused_with_the_method_that_works(name, method):
    estimator = REGRESSORS[name].examples()[0].fit(ROWS, TRUTH)
    before = pickle.dumps(estimator) if name != "prompted-regressor" else None
    if method in TRAINING and not isinstance(getattr(estimator, "estimator_", estimator), TorchRegressor):
        with pytest.raises(UserError, match="retrain"):
            quietly(estimator, ROWS, TRUTH, FORGET, method)
        return
    found = quietly(estimator, ROWS, TRUTH, FORGET, method, random_state=0)
    assert type(found) is type(estimator)
    if name != "prompted-regressor":  # reads each row with a language model
        assert np.isfinite(found.predict(ROWS)).all()
        assert (found.predict(ROWS) != estimator.predict(ROWS)).any()
        assert pickle.dumps(estimator) == before


@pytest.mark.parametrize("method", TRAINING)
@pytest.mark.parametrize("linear", [True, False])
def test_rows_that_stay_are_known_as_well_as_after_retraining(method, linear):
    """The linear part has the targets' size: what trains on raw targets loses it, and has no tokens for the largest ones."""
    original = decoding(linear=linear, n_members=2, epochs=40).fit(ROWS, TRUTH)
    gold = unlearn(original, ROWS, TRUTH, FORGET, "retrain")
    found = unlearn(original, ROWS, TRUTH, FORGET, method, random_state=0)
    of = {name: np.abs(model.predict(ROWS) - TRUTH)[~FORGET].mean() for name, model in (("gold", gold), ("found", found))}
    assert of["found"] < 1.5 * of["gold"] + 0.2
    if linear:  # solved in closed form without the rows, as in retraining
        np.testing.assert_allclose(found.slopes_ / found.scale_, gold.slopes_ / gold.scale_, rtol=1e-2)


@pytest.mark.parametrize("method", TRAINING)
@pytest.mark.parametrize("conformity", [None, AbsoluteResidual(), NormalisedResidual()])
@pytest.mark.parametrize("inner", [HistogramRegressor(body=MLP((8,)), epochs=3, random_state=0), decoding(epochs=3)])
def test_intervals_around_a_network_are_unlearned_with_it_also_on_tables(inner, conformity, method, tmp_path):
    table = pd.DataFrame({"size": ROWS[:, 0], "kind": np.where(ROWS[:, 1] > 0, "red", "blue"), "age": ROWS[:, 2]})
    original = TableRegressor(ConformalRegressor(inner, conformity, coverage=0.8, random_state=0), TableEncoder()).fit(table, TRUTH)
    found = quietly(original, table, TRUTH, FORGET, method, random_state=0)
    _, held = original.estimator_._split(len(table))
    assert (found.predict(table) != original.predict(table)).any()
    assert len(found.estimator_.scores_) == (~FORGET[held]).sum()
    stays = table.iloc[held[~FORGET[held]]]
    low, high = found.predict_interval(stays, 0.8).T
    truth = TRUTH[held[~FORGET[held]]]
    assert ((low <= truth) & (truth <= high)).mean() >= 0.8  # of the rows that set the width
    again = load(save(found, tmp_path / "model"))
    np.testing.assert_array_equal(again.predict_interval(table, 0.8), found.predict_interval(table, 0.8))


def test_forgetting_held_out_rows_alone_changes_the_width_alone():
    original = ConformalRegressor(decoding(epochs=3), coverage=0.8, random_state=0).fit(ROWS, TRUTH)
    _, held = original._split(len(ROWS))
    found = unlearn(original, ROWS, TRUTH, held[:5], "fine-tune")
    np.testing.assert_array_equal(found.predict(ROWS), original.predict(ROWS))
    assert len(found.scores_) == len(held) - 5
    with pytest.raises(UserError, match=r"held-out rows, and coverage=0\.8 needs 4"):
        unlearn(original, ROWS, TRUTH, held[:-2], "fine-tune")


@pytest.mark.parametrize("settings", [{"random_state": None}, {"random_state": 0, "prefit": True}])
def test_rows_that_cannot_be_told_are_refused(settings):
    inner = decoding(epochs=2).fit(ROWS, TRUTH) if settings.get("prefit") else decoding(epochs=2)
    original = ConformalRegressor(inner, coverage=0.8, **settings).fit(ROWS, TRUTH)
    with pytest.raises(UserError, match="cannot be told again"):
        unlearn(original, ROWS, TRUTH, FORGET, "fine-tune")


def test_relearning_trains_on_what_the_network_is_asked_for():
    original = decoding(epochs=30).fit(ROWS, TRUTH)
    watched = (ROWS[FORGET], TRUTH[FORGET])
    run = relearning(original, ROWS, TRUTH, watched, goal=1.05 * np.abs(original.predict(watched[0]) - watched[1]).mean(), max_epochs=2)
    assert run is not None
    assert run.steps <= 2 * 2


def test_figures_of_perfect_models_have_no_division_by_zero():
    class Perfect:
        def predict(self, X):  # noqa: N803
            return X[:, 0]

    X = RNG.standard_normal((60, 1))  # noqa: N806
    models = {name: Perfect() for name in ("original", "unlearned", "gold")}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = figures(models, (X[:40], X[:40, 0]), np.arange(40) < 8, (X[40:], X[40:, 0]), np.zeros(20, dtype=bool))
    assert found["memorised"] is False
    assert found["models"]["unlearned"]["retain_mae"] == 0


@pytest.mark.parametrize("method", TRAINING)
def test_a_stored_decoder_with_a_linear_part_is_unlearned(tmp_path, method):
    x = RNG.standard_normal((40, 2))
    fitted = DecodingRegressor(format=Normalised(4, 2), epochs=3, random_state=0).fit(x, 3 * x[:, 0])
    loaded = load(save(fitted, tmp_path / "model"))
    found = quietly(loaded, x, 3 * x[:, 0], x[:, 0] > 1, method=method, random_state=0)
    assert np.isfinite(found.predict(x)).all()
