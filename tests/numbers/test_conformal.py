"""Conformal intervals: coverage inside binomial bounds, the guarantee's formula, the promise of adaptation, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import stats
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.compose import make_column_transformer
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.linear_model import LinearRegression, QuantileRegressor, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from foretell.numbers import ConformalForecaster, ConformalRegressor, SeasonalNaive
from foretell.numbers.conformal.adaptive import AdaptiveLevel
from foretell.numbers.conformal.quantile import conformal_quantile, needed_rows
from foretell.numbers.conformal.rolling import rolling_forecasts
from foretell.numbers.conformal.scores import AbsoluteResidual, NormalisedResidual, QuantileBand

ENDS = [QuantileRegressor(quantile=q, alpha=0, solver="highs") for q in (0.1, 0.9)]


def draws(rng, num):
    """Rows whose spread grows with the first column."""
    x = rng.uniform(0, 1, size=(num, 2))
    return x, 2 * x[:, 0] + (0.2 + 2 * x[:, 0]) * rng.standard_normal(num)


def inside(interval, y):
    return (interval[..., 0] <= y) & (y <= interval[..., 1])


class Known(RegressorMixin, BaseEstimator):
    """Predicts the distribution that `draws` has."""

    def fit(self, x, y):
        self.n_features_in_ = 2
        return self

    def predict(self, x):
        return 2 * x[:, 0]

    def predict_quantile(self, x, q):
        levels = np.atleast_1d(q)
        found = self.predict(x)[:, None] + (0.2 + 2 * x[:, :1]) * stats.norm.ppf(levels)
        return found[:, 0] if np.ndim(q) == 0 else found


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9, 0.95])
@pytest.mark.parametrize("num", [1, 9, 19, 50, 99, 200])
def test_the_rank_is_the_guarantees(num, coverage):
    """The next of n + 1 exchangeable scores is at most the k-th of the others with probability k / (n + 1) exactly."""
    if num < needed_rows(coverage):
        with pytest.raises(ValueError, match=rf"{num} held-out rows are too few .* needs at least {needed_rows(coverage)}"):
            conformal_quantile(np.arange(num, dtype=float), coverage)
        return
    kept = 1 + int(conformal_quantile(np.arange(num, dtype=float), coverage))
    assert coverage - 1e-12 <= kept / (num + 1) < coverage + 1 / (num + 1)


def test_needed_rows_is_the_least_that_can_cover():
    for coverage in (0.5, 0.8, 0.9, 0.95, 0.99):
        num = needed_rows(coverage)
        assert np.ceil((num + 1) * coverage - 1e-9) <= num
        assert np.ceil(num * coverage - 1e-9) > num - 1


@pytest.mark.parametrize(
    "conformity", [AbsoluteResidual(), NormalisedResidual(LinearRegression()), QuantileBand()], ids=["split", "normalised", "cqr"]
)
def test_marginal_coverage_over_many_calibrations(conformity):
    """Over draws of the held-out rows too, hits are binomial with k / (n + 1)."""
    rng, hits, num, coverage, held = np.random.RandomState(0), 0, 400, 0.8, 30
    for _ in range(num):
        x, y = draws(rng, 91)
        fitted = ConformalRegressor(Known(), conformity, coverage, 30 / 90, random_state=0).fit(x[:90], y[:90])
        hits += int(inside(fitted.predict_interval(x[90:]), y[90:])[0])
    distribution = stats.binom(num, np.ceil((held + 1) * coverage) / (held + 1))
    assert distribution.ppf(0.0005) <= hits <= distribution.ppf(0.9995)


def test_given_the_held_out_rows_coverage_is_beta():
    rng = np.random.RandomState(1)
    x, y = draws(rng, 20_200)
    fitted = ConformalRegressor(Known(), prefit=False, calibration_share=0.5, random_state=0).fit(x[:200], y[:200])
    assert isinstance(fitted.conformity_, QuantileBand)
    share, distribution = inside(fitted.predict_interval(x[200:]), y[200:]).mean(), stats.beta(91, 10)
    assert distribution.ppf(0.0005) - 0.01 <= share <= distribution.ppf(0.9995) + 0.01


def test_quantile_bands_and_normalised_ones_follow_the_spread():
    rng = np.random.RandomState(2)
    x, y = draws(rng, 2000)
    far = np.array([[0.02, 0.5], [0.98, 0.5]])
    widths = {}
    for name, conformity in {"same": AbsoluteResidual(), "cqr": QuantileBand(*ENDS), "normalised": NormalisedResidual()}.items():
        fitted = ConformalRegressor(LinearRegression(), conformity, 0.8, random_state=0).fit(x, y)
        widths[name] = np.diff(fitted.predict_interval(far))[:, 0]
    assert widths["same"][0] == pytest.approx(widths["same"][1])
    assert widths["cqr"][1] > 3 * widths["cqr"][0]
    assert widths["normalised"][1] > 3 * widths["normalised"][0]


def test_bands_of_the_true_quantiles_are_hardly_moved():
    x, y = draws(np.random.RandomState(3), 8000)
    fitted = ConformalRegressor(Known(), random_state=0).fit(x, y)
    np.testing.assert_allclose(
        fitted.predict_interval(x[:50]), Known().fit(x, y).predict_quantile(x[:50], np.array([0.05, 0.95])), atol=0.25
    )


def test_other_coverages_are_nested_and_a_band_never_crosses():
    x, y = draws(np.random.RandomState(4), 400)
    fitted = ConformalRegressor(Known(), random_state=0).fit(x, y)
    before = None
    for coverage in (0.05, 0.3, 0.6, 0.9, 0.95):
        interval = fitted.predict_interval(x, coverage)
        assert (interval[:, 0] <= interval[:, 1]).all()
        if before is not None:
            assert ((interval[:, 0] <= before[:, 0]) & (before[:, 1] <= interval[:, 1])).all()
        before = interval


def test_a_fitted_estimator_is_kept_and_its_rows_are_all_held_out():
    x, y = draws(np.random.RandomState(5), 300)
    ridge = Ridge().fit(x[:200], y[:200])
    fitted = ConformalRegressor(ridge, prefit=True).fit(x[200:], y[200:])
    assert fitted.estimator_ is ridge
    assert len(fitted.scores_) == 100
    np.testing.assert_array_equal(np.sort(np.abs(y[200:] - ridge.predict(x[200:]))), fitted.scores_)


def test_any_regressor_tables_and_grid_search(rng):
    x, y = draws(rng, 120)
    search = GridSearchCV(ConformalRegressor(GradientBoostingRegressor(n_estimators=5)), {"estimator__max_depth": [1, 2]}, cv=2).fit(x, y)
    assert search.best_estimator_.predict_interval(x).shape == (120, 2)
    frame = pd.DataFrame({"size": x[:, 0], "kind": np.where(x[:, 1] > 0.5, "a", "b")})
    encode = make_column_transformer((OneHotEncoder(), ["kind"]), remainder="passthrough")
    fitted = ConformalRegressor(make_pipeline(encode, Ridge()), random_state=0).fit(frame, y)
    assert list(fitted.feature_names_in_) == ["size", "kind"]
    assert fitted.predict_interval(frame.iloc[:4]).shape == (4, 2)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"coverage": 0.95}, r"10 rows of n_samples=40 held out are too few for coverage=0.95, which needs 19; give at least 77 rows"),
        ({"coverage": 1.0}, r"coverage=1.0 must lie between 0 and 1"),
        ({"coverage": 90}, r"coverage=90 must lie between 0 and 1, for example 0.9"),
        ({"calibration_share": 1.0}, "calibration_share=1.0 must lie between"),
        ({"conformity": "cqr"}, r"conformity='cqr' must be a score such as QuantileBand\(\)"),
        ({"conformity": QuantileBand()}, r"Ridge has no predict_quantile; give lower= and upper=, or take AbsoluteResidual\(\)"),
        ({"conformity": QuantileBand(lower=Ridge())}, "lower and upper belong together"),
    ],
)
def test_bad_settings_of_the_regressor(settings, message, rng):
    x, y = draws(rng, 40)
    with pytest.raises(ValueError, match=message):
        ConformalRegressor(**settings).fit(x, y)


def test_the_number_of_rows_that_is_asked_for_suffices(rng):
    x, y = draws(rng, 77)
    ConformalRegressor(coverage=0.95).fit(x, y)
    with pytest.raises(ValueError, match="needs at least 99"):
        ConformalRegressor(coverage=0.95).fit(x, y).predict_interval(x, coverage=0.99)


@pytest.mark.parametrize("conformity", [AbsoluteResidual(), QuantileBand()], ids=["split", "cqr"])
def test_a_stream_is_covered_in_the_long_run_whatever_comes(conformity):
    """Rows unlike those fitted, in pieces of any size; without adaptation coverage is lost."""
    rng, rate, num = np.random.RandomState(6), 0.05, 600
    x, y = draws(rng, 200)
    later, far = draws(rng, num)
    far = far + np.linspace(0, 12, num)
    fitted = {rate: ConformalRegressor(Known(), conformity, 0.8, rate=rate) for rate in (0.0, rate)}
    misses = dict.fromkeys(fitted, 0)
    for chosen, model in fitted.items():
        model.fit(x, y)
        for row in range(num):
            misses[chosen] += int(not inside(model.predict_interval(later[row : row + 1]), far[row : row + 1])[0])
            model.update(later[row : row + 1], far[row : row + 1])
    bound = (0.8 + rate) / (rate * num)
    assert abs(misses[rate] / num - 0.2) <= bound
    assert misses[0.0] / num > 0.2 + bound
    at_once = ConformalRegressor(Known(), conformity, 0.8, rate=rate).fit(x, y).update(later, far)
    np.testing.assert_allclose(at_once.predict_interval(later), fitted[rate].predict_interval(later))


def test_polars_tables(rng):
    x, y = draws(rng, 60)
    fitted = ConformalRegressor(random_state=0).fit(pl.DataFrame({"a": x[:, 0], "b": x[:, 1]}), y)
    same = ConformalRegressor(random_state=0).fit(pd.DataFrame({"a": x[:, 0], "b": x[:, 1]}), y)
    np.testing.assert_array_equal(fitted.scores_, same.scores_)
    assert list(fitted.feature_names_in_) == ["a", "b"]


# Series


def noise(seed, num=600, series=2):
    return np.random.RandomState(seed).standard_normal((num, series))


def test_intervals_of_each_step_and_series_cover():
    rows = noise(0, 4000) * np.array([1.0, 5.0])
    fitted = ConformalForecaster(SeasonalNaive(lag=3, horizon=4), coverage=0.8).fit(rows[:2000])
    interval = fitted.predict_interval()
    assert interval.shape == (4, 2, 2)
    widths = interval[..., 1] - interval[..., 0]
    np.testing.assert_allclose(widths[:, 1] / widths[:, 0], 5, rtol=0.25)
    said, came = rolling_forecasts(fitted.forecaster_, rows[2000:])
    share = (np.abs(came - said) <= widths / 2).mean(axis=0)
    assert (np.abs(share - 0.8) < 0.05).all()


def test_quantiles_widen_with_the_step_of_a_random_walk():
    rows = np.cumsum(noise(1, 2000, 1), axis=0)
    widths = np.diff(ConformalForecaster(SeasonalNaive(lag=3, horizon=9)).fit(rows).predict_interval())[:, 0, 0]
    assert (np.diff(widths) > 0).all()
    np.testing.assert_allclose(widths / np.sqrt(np.arange(1, 10)), 2 * stats.norm.ppf(0.95), rtol=0.2)


@pytest.mark.parametrize("kind", ["louder", "quieter", "shifting"])
def test_adaptation_covers_in_the_long_run_whatever_comes(kind):
    """Proposition 4.1, for every step ahead and every series, on rows unlike those fitted."""
    coverage, rate, num = 0.8, 0.05, 400
    later = noise(3, num) * {"louder": 6.0, "quieter": 0.1, "shifting": np.linspace(0.2, 8, num)[:, None]}[kind]
    fitted = ConformalForecaster(SeasonalNaive(lag=2, horizon=3), coverage=coverage, rate=rate).fit(noise(2, 200))
    level, misses = AdaptiveLevel(rate), np.zeros((3, 2))
    for row in later:
        said = fitted.pending_[2 - np.arange(3), np.arange(3)]
        misses += np.abs(row - said) > level.least(fitted.scores_, fitted.level_)
        fitted.update(row[None])
    bound = (max(coverage, 1 - coverage) + rate) / (rate * num)
    assert (np.abs(misses / num - (1 - coverage)) <= bound).all()
    still = ConformalForecaster(SeasonalNaive(lag=2, horizon=3), coverage=coverage, rate=0).fit(noise(2, 200)).update(later)
    np.testing.assert_array_equal(still.level_, 1 - coverage)


def test_updating_is_as_having_known():
    """Forecasts start from the last known row, and what was said of a row is what the forecaster says from the rows before it."""
    rows = noise(4, 330)
    fitted = ConformalForecaster(SeasonalNaive(lag=4, horizon=3, season=2)).fit(rows[:300]).update(rows[300:])
    np.testing.assert_array_equal(fitted.predict(), fitted.forecaster_.predict(context=rows))
    said, _ = rolling_forecasts(fitted.forecaster_, rows[-4 - 3 :])
    np.testing.assert_array_equal(fitted.forecaster_.predict(context=rows[:-3]), said[0])
    np.testing.assert_array_equal(fitted.pending_, [fitted.forecaster_.predict(context=rows[: len(rows) - back]) for back in (2, 1, 0)])
    errors = np.abs(rows[-1] - np.stack([fitted.forecaster_.predict(context=rows[: -1 - h])[h] for h in range(3)]))
    np.testing.assert_array_equal(fitted.recent_[-1], errors)


def test_intervals_may_be_infinite_after_many_misses_and_say_so():
    fitted = ConformalForecaster(SeasonalNaive(lag=2, horizon=1), rate=0.2).fit(noise(5, 200, 1)).update(100 * noise(6, 3, 1))
    assert np.isinf(fitted.predict_interval()).all()
    assert np.isfinite(fitted.predict_interval(coverage=0.8)).all()


def test_a_table_of_series_keeps_its_names():
    frame = pd.DataFrame(noise(7, 200), columns=["a", "b"])
    fitted = clone(ConformalForecaster(SeasonalNaive(lag=2, horizon=2))).fit(frame)
    assert fitted.names_ == ["a", "b"]
    assert fitted.predict_interval(1).shape == (1, 2, 2)


@pytest.mark.parametrize(
    ("settings", "num", "message"),
    [
        ({}, 60, r"15 of 60 rows held out are too few for coverage=0.9 and horizon=8, which need 16; give at least 64 rows"),
        ({"coverage": 1.5}, 100, "coverage=1.5 must lie between"),
        ({"calibration_share": 0.0}, 100, "calibration_share=0.0 must lie between"),
        ({"calibration_share": 0.95}, 100, "5 rows are too few for lag=2 and horizon=8"),
    ],
)
def test_bad_settings_of_the_forecaster(settings, num, message):
    with pytest.raises(ValueError, match=message):
        ConformalForecaster(SeasonalNaive(lag=2, horizon=8), **settings).fit(noise(8, num))


def test_bad_rows_of_the_forecaster():
    fitted = ConformalForecaster(SeasonalNaive(lag=2, horizon=8)).fit(noise(8, 64))
    with pytest.raises(ValueError, match="Y has 3 series, but the forecaster was fitted to 2"):
        fitted.update(noise(9, 4, 3))
    with pytest.raises(ValueError, match="needs at least 99"):
        fitted.predict_interval(coverage=0.99)
    with pytest.raises(ValueError, match="rate=2 must be 0 or above"):
        AdaptiveLevel(2).update(np.zeros(1), np.zeros(1), 0.9)
