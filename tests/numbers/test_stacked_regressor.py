"""The stack: what it mixes, that its intervals cover, that levels and units cost no digits."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge
from sklearn.preprocessing import SplineTransformer
from sklearn.tree import DecisionTreeRegressor

from foretell.errors import UserError
from foretell.numbers.distributions import Histogram
from foretell.numbers.estimators.stacked_regressor import StackedRegressor
from foretell.numbers.level import Level
from foretell.numbers.location_scale import LocationScale
from foretell.numbers.saving import load, save
from foretell.numbers.stacking.candidates import Splines, default_candidates
from foretell.numbers.stacking.error_distribution import histogram_of, sizes_of_errors
from foretell.numbers.stacking.out_of_fold import out_of_fold, stack_weights

FEW = {"ridge": Ridge(alpha=1e-3), "tree": DecisionTreeRegressor(min_samples_leaf=5, random_state=0)}


def rows(num, seed=0):
    rng = np.random.RandomState(seed)
    x = rng.standard_normal((num, 3))
    return x, x[:, 0] - 2 * x[:, 1] + rng.standard_normal(num)


def stack(**settings):
    return StackedRegressor(**{"candidates": FEW, "random_state": 0, **settings})


def test_a_line_is_left_to_the_ridge():
    model = stack().fit(*rows(300))
    assert model.weights_["ridge"] > 0.85
    assert sum(model.weights_.values()) == pytest.approx(1)
    assert model.report_["candidates"]["ridge"]["error"] < model.report_["candidates"]["tree"]["error"]
    x, y = rows(300, seed=1)
    assert np.sqrt(np.mean((model.predict(x) - y) ** 2)) < 1.06


def test_out_of_fold_predictions_never_saw_their_row():
    x, y = rows(40)
    folds = [(np.arange(20, 40), np.arange(20)), (np.arange(20), np.arange(20, 40))]
    found = out_of_fold({"ridge": Ridge()}, x, y, folds)
    np.testing.assert_allclose(found.said["ridge"][:20], Ridge().fit(x[20:], y[20:]).predict(x[:20]))
    assert len(found.models["ridge"]) == 2


@pytest.mark.parametrize("shape", ["even", "uneven"])
def test_intervals_cover_new_rows(shape):
    covered, widths = [], []
    for seed in range(4):
        x, y = rows(600, seed)
        if shape == "uneven":
            y = y + 2 * np.exp(x[:, 2]) * np.random.RandomState(seed).standard_normal(600)
        model = stack().fit(x[:300], y[:300])
        low, high = model.predict_interval(x[300:], 0.9).T
        covered.append(np.mean((low <= y[300:]) & (y[300:] <= high)))
        widths.append(np.corrcoef(high - low, x[300:, 2])[0, 1] if shape == "uneven" else 1)
        assert (bool(model.sizes_), shape) in ((True, "uneven"), (False, "even"))
    assert 0.87 < np.mean(covered) < 0.935
    assert min(widths) > 0.3


@pytest.mark.parametrize(("level", "unit"), [(1e6, 1.0), (1e12, 1.0), (0.0, 1e300), (0.0, 1e-300), (-5.0, 1e-12)])
def test_levels_and_units_cost_no_digits(level, unit):
    x, y = rows(60)
    plain = stack().fit(x, y)
    moved = stack().fit(x, unit * (y + level))
    np.testing.assert_allclose(moved.predict(x) / unit - level, plain.predict(x), rtol=0, atol=1e-15 * max(level, 1) * 1e3)
    found = moved.predict_interval(x, 0.8) / unit - level
    np.testing.assert_allclose(found, plain.predict_interval(x, 0.8), rtol=0, atol=1e-15 * max(level, 1) * 1e3)


def test_constant_targets_and_whole_numbers():
    x, _ = rows(30)
    for y in (np.full(30, 7), np.full(30, 1e300), np.zeros(30)):
        model = stack().fit(x, y)
        np.testing.assert_allclose(model.predict(x), y)
        assert np.isfinite(model.predict_interval(x, 0.9)).all()


def test_what_there_is_no_time_for_is_said_and_ridge_and_boosting_are_fitted():
    x, y = rows(60)
    candidates = {"ridge": Ridge(), "boosting": HistGradientBoostingRegressor(max_iter=5), "tree": DecisionTreeRegressor()}
    model = stack(candidates=candidates, time_budget=1e-9).fit(x, y)
    assert model.report_["left_out"] == ["tree"]
    assert list(model.report_["candidates"]) == ["ridge", "boosting"]


def test_candidates_by_the_table():
    x, y = rows(50)
    assert list(default_candidates(x, y)) == ["ridge", "boosting", "splines", "kernel", "kernel, sharper", "boosting, finer", "network"]
    logs = default_candidates(x, np.exp(2 * y) - 3, 3)
    assert [name for name in logs if "logarithms" in name] == ["splines, of logarithms", "kernel, of logarithms"]
    assert not any(name.startswith("kernel") for name in default_candidates(np.zeros((5000, 1)), np.zeros(5000)))
    assert "network" not in default_candidates(x, y, seconds=5.0)
    assert "network" in default_candidates(x, y, seconds=10.0)


def test_settings_that_are_refused():
    x, y = rows(20)
    for settings, message in {
        ("folds", 1): "folds=1 must be 2 or more",
        ("time_budget", 0): "time_budget=0 must be above 0",
        ("candidates", (Ridge(),)): "must be a dict of regressors by name",
    }.items():
        with pytest.raises(UserError, match=message):
            stack(**dict([settings])).fit(x, y)
    with pytest.raises(ValueError, match="y should be a 1d array"):
        stack().fit(x, np.stack([y, y], 1))


def test_weights_of_predictions():
    rng = np.random.RandomState(0)
    y = rng.standard_normal(500)
    said = np.stack([y + rng.standard_normal(500), y + rng.standard_normal(500), rng.standard_normal(500)], 1)
    found = stack_weights(said, y)
    assert found.sum() == pytest.approx(1)
    np.testing.assert_allclose(found[:2], 0.5, atol=0.06)
    assert found[2] < 0.03
    doubled = stack_weights(np.vstack([said, said[:250]]), np.concatenate([y, y[:250]]))
    weight = np.where(np.arange(500) < 250, 2.0, 1.0)
    np.testing.assert_allclose(stack_weights(said, y, weight), doubled, atol=0.01)


def test_the_pull_to_equal_weights_fades_where_a_prediction_is_all_but_exact():
    rng = np.random.RandomState(0)
    y = rng.standard_normal(100)
    said = np.stack([y + 1e-4 * rng.standard_normal(100), y + 0.3 * rng.standard_normal(100)], axis=1)
    assert stack_weights(said, y)[0] > 0.9999
    assert stack_weights(np.stack([y, y], axis=1), y).tolist() == pytest.approx([0.5, 0.5])


def test_exactly_linear_targets_are_met_as_by_a_ridge():
    x = np.random.RandomState(0).standard_normal((200, 2))
    y = 3 * x[:, 0] - x[:, 1]
    assert np.abs(StackedRegressor(random_state=0).fit(x[:100], y[:100]).predict(x[100:]) - y[100:]).max() < 0.01


def test_weights_of_rows_count_as_repetitions():
    """The ridge alone, so that the folds, which differ, hardly matter."""
    x, y = rows(400)
    heavy = np.where(x[:, 2] > 0, 20.0, 1.0)
    y = np.where(x[:, 2] > 0, 5 * x[:, 0], -5 * x[:, 0])
    ridge = {"ridge": Ridge(alpha=1e-3)}
    weighted = stack(candidates=ridge).fit(x, y, sample_weight=heavy).predict(x)
    times = np.repeat(np.arange(400), heavy.astype(int))
    repeated = stack(candidates=ridge).fit(x[times], y[times]).predict(x)
    assert np.abs(weighted - repeated).max() < 0.2 < np.abs(stack(candidates=ridge).fit(x, y).predict(x) - repeated).max()


def test_rows_without_weight_count_for_nothing():
    x, y = rows(80)
    weight = np.r_[np.ones(60), np.zeros(20)]
    found = stack().fit(x, np.where(weight > 0, y, 1e6), sample_weight=weight)
    np.testing.assert_allclose(found.predict(x), stack().fit(x[:60], y[:60]).predict(x))


def test_one_thread_fits_and_predicts():
    """Small fits gain nothing from threads, and lose much on a busy machine."""
    from threadpoolctl import threadpool_info

    seen = set()

    class Watching(Ridge):
        def fit(self, X, y, sample_weight=None):  # noqa: N803
            seen.update(each["num_threads"] for each in threadpool_info())
            return super().fit(X, y)

        def predict(self, X):  # noqa: N803
            seen.update(each["num_threads"] for each in threadpool_info())
            return super().predict(X)

    before = [each["num_threads"] for each in threadpool_info()]
    stack(candidates={"ridge": Watching()}).fit(*rows(60)).predict(rows(5)[0])
    assert seen == {1}
    assert [each["num_threads"] for each in threadpool_info()] == before


def test_splines_are_those_of_scikit_learn():
    x, new = rows(100)[0], 2 * rows(50, seed=1)[0]
    theirs = SplineTransformer(5, knots="quantile", extrapolation="linear", include_bias=False).fit(x)
    np.testing.assert_allclose(Splines().fit(x).transform(new)[:, 3:], theirs.transform(new), atol=1e-9)


def test_splines_of_columns_with_ties():
    x = np.r_[np.zeros(60), np.arange(1.0, 13)][:, None]
    found = Splines().fit(x).transform(np.array([[-1.0], [0.0], [5.0], [40.0]]))
    assert np.isfinite(found).all()


def test_every_candidate_is_stored(tmp_path):
    x, _ = rows(60)
    y = np.exp(x[:, 0])
    level, targets = Level.of(y)
    for name, candidate in default_candidates(x, targets, level.offset, seconds=1).items():
        model = stack(candidates={name: candidate}, folds=2).fit(x, y)
        np.testing.assert_array_equal(load(save(model, tmp_path / name)).predict(x), model.predict(x))


def test_errors_as_a_distribution():
    errors = np.random.RandomState(0).standard_normal(999)
    found = histogram_of(errors)
    assert len(found.masses[0]) == 100
    assert found.quantile(0.95)[0] == pytest.approx(np.sort(errors)[949])  # rank 0.95 * 1000, as conformal prediction takes it
    for ties in (np.zeros(50), np.array([0.0] * 30 + [1.0, 2.0]), np.array([1.0])):
        assert histogram_of(ties).masses.sum() == pytest.approx(1)
        assert histogram_of(ties).quantile(0.5)[0] == pytest.approx(np.median(ties), abs=1e-6)
    models, sizes = sizes_of_errors(np.zeros((50, 1)), errors[:50], [])
    assert models == []
    assert (sizes == 1).all()


def test_a_distribution_moved_and_stretched():
    found = LocationScale(Histogram(np.array([-1.0, 0.0, 2.0]), np.array([[0.5, 0.5]])), np.array([0.0, 10.0]), np.array([1.0, 2.0]))
    assert found.mean().tolist() == [0.25, 10.5]
    assert found.mode().tolist() == [-0.5, 9.0]
    assert found.quantile(np.array([0.25, 0.75])).tolist() == [[-0.5, 1.0], [9.0, 12.0]]
    np.testing.assert_allclose(np.exp(found.log_density(np.array([-0.5, 12.0]))), [0.5, 0.125])
    drawn = found.sample(4000, np.random.RandomState(0))
    np.testing.assert_allclose(drawn.mean(1), found.mean(), atol=0.05)
    with pytest.raises(UserError, match="scale above 0"):
        LocationScale(Histogram(np.array([0.0, 1.0]), np.ones((1, 1))), np.zeros(2), np.zeros(2))


def test_level():
    for y in (np.array([1e308, -1e308]), np.array([5e-324, 1e-320]), np.array([3.0, 3.0])):
        level, found = Level.of(y)
        assert np.isfinite(found).all()
        np.testing.assert_allclose(level.back(found), y, rtol=1e-6, atol=1e-323)
