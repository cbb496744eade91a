"""The adapter keeps sktime's contract. Here the checks of its behaviour, `benchmarks/olinear.py` runs them all."""

from __future__ import annotations

import doctest
import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("sktime")
pytestmark = pytest.mark.filterwarnings("ignore")

from sklearn.base import clone  # noqa: E402
from sktime.utils.estimator_checks import check_estimator  # noqa: E402

from foretell.numbers.forecasters.conformal_forecaster import ConformalForecaster  # noqa: E402
from foretell.numbers.forecasters.seasonal_naive import SeasonalNaive  # noqa: E402
from foretell.numbers.forecasters.window_ridge import WindowRidge  # noqa: E402
from foretell.numbers.forecasting.sktime_adapter import SktimeForecaster  # noqa: E402

CHECKS = [
    "test_constructor",
    "test_clone",
    "test_get_params",
    "test_set_params",
    "test_fit_updates_state",
    "test_fit_does_not_overwrite_hyper_params",
    "test_raises_not_fitted_error",
    "test_predict_time_index",
    "test_update_predict_single",
]


def test_sktimes_checks():
    results = check_estimator(SktimeForecaster, raise_exceptions=False, tests_to_run=CHECKS, verbose=False)
    assert {name.split("[")[0] for name in results} == set(CHECKS)
    assert {name: result for name, result in results.items() if result != "PASSED"} == {}


@pytest.fixture
def y(rng):
    days = pd.period_range("2024-01-01", periods=60, freq="D")
    return pd.DataFrame(np.cumsum(rng.standard_normal((60, 2)), axis=0), index=days, columns=["a", "b"])


def test_same_numbers_as_the_forecaster_with_times_and_names(y):
    ours = WindowRidge(lag=8, horizon=4)
    forecast = SktimeForecaster(ours).fit(y, fh=[1, 4]).predict()
    np.testing.assert_allclose(forecast.to_numpy(), WindowRidge(lag=8, horizon=4).fit(y).predict()[[0, 3]])
    assert list(forecast.columns) == ["a", "b"]
    assert list(forecast.index.astype(str)) == ["2024-03-01", "2024-03-04"]
    assert not hasattr(ours, "tail_")


def test_update_goes_on_with_or_without_new_weights(y):
    for update_params in (False, True):
        model = SktimeForecaster(WindowRidge(lag=8, horizon=4)).fit(y[:50], fh=[1, 2])
        model.update(y[50:], update_params=update_params)
        reference = WindowRidge(lag=8, horizon=4).fit(y if update_params else y[:50]).predict(2, context=y)
        np.testing.assert_allclose(model.predict().to_numpy(), reference)


def test_beyond_the_horizon_only_when_told(y):
    model = SktimeForecaster(SeasonalNaive(lag=7, horizon=4, season=7)).fit(y)
    with pytest.raises(ValueError, match=r"fh reaches 9 steps.*horizon is 4; set forecaster__horizon=9, or recursive=True"):
        model.predict(fh=[1, 9])
    forecast = model.set_params(recursive=True).fit(y).predict(fh=[1, 9])
    assert forecast.shape == (2, 2)
    assert model.set_params(forecaster__horizon=9, recursive=False).fit(y).predict(fh=[9]).shape == (1, 2)


def test_intervals_where_the_forecaster_has_them(y):
    ours = ConformalForecaster(WindowRidge(lag=8, horizon=4), coverage=0.8)
    model = SktimeForecaster(ours).fit(y, fh=[1, 4])
    found = model.predict_interval(coverage=[0.5, 0.8])
    for coverage in (0.5, 0.8):
        expected = clone(ours).fit(y.to_numpy()).predict_interval(4, coverage, y.to_numpy())[[0, 3]]
        for n, name in enumerate("ab"):
            np.testing.assert_allclose(found[name, coverage][["lower", "upper"]].to_numpy(), expected[:, n])
    assert not SktimeForecaster(WindowRidge()).get_tag("capability:pred_int")


def test_pickles_and_shows_its_example(y):
    model = SktimeForecaster(WindowRidge(lag=8, horizon=4)).fit(y, fh=[1, 4])
    pd.testing.assert_frame_equal(pickle.loads(pickle.dumps(model)).predict(), model.predict())
    example = doctest.DocTestFinder().find(SktimeForecaster, "SktimeForecaster", globs={})[0]
    assert example.examples
    assert doctest.DocTestRunner().run(example).failed == 0


def test_without_sktime_the_module_is_there_and_says_what_to_install():
    code = (
        "import sys; sys.modules['sktime'] = None\n"
        "import foretell.numbers.forecasting.sktime_adapter as adapter\n"
        "try: adapter.SktimeForecaster\n"
        "except ImportError as error: print(error)\n"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert "pip install 'foretell[sktime]'" in found.stdout


def conformal(**options):
    return SktimeForecaster(ConformalForecaster(WindowRidge(lag=6, horizon=3), coverage=0.8, **options))


def test_quantiles_are_those_of_the_distribution_and_the_median_is_the_forecast(y):
    forecaster = conformal().fit(y, fh=[1, 3])
    found = forecaster.predict_quantiles(alpha=[0.1, 0.5, 0.9])
    assert list(found.columns) == [(name, level) for name in "ab" for level in (0.1, 0.5, 0.9)]
    np.testing.assert_allclose(found.xs(0.5, axis=1, level=1), forecaster.predict())
    ends = forecaster.predict_interval(coverage=[0.8])
    np.testing.assert_allclose(found[[("a", 0.1), ("a", 0.9)]].to_numpy(), ends["a"].to_numpy())
    one = conformal().fit(y["a"], fh=[1, 2]).predict_quantiles(alpha=[0.5])
    assert np.isfinite(one.to_numpy()).all()


def test_evaluate_by_the_pinball_loss(y):
    from sktime.forecasting.model_evaluation import evaluate
    from sktime.performance_metrics.forecasting.probabilistic import PinballLoss
    from sktime.split import ExpandingWindowSplitter

    splits = ExpandingWindowSplitter(fh=[1, 2, 3], initial_window=54, step_length=3)
    scores = evaluate(conformal(), splits, y["a"], scoring=PinballLoss(alpha=[0.1, 0.5, 0.9]), error_score="raise")
    assert np.isfinite(scores["test_PinballLoss"]).all()


def test_new_rows_reach_the_width_without_new_weights(y):
    forecaster = conformal(rate=0.1).fit(y.iloc[:50], fh=[1])
    weights = forecaster.forecaster_.forecaster_.weights_.copy()
    before = np.ptp(forecaster.predict_interval(coverage=[0.8])["a"].to_numpy())
    ours = ConformalForecaster(WindowRidge(lag=6, horizon=3), coverage=0.8, rate=0.1).fit(y.iloc[:50].to_numpy())
    forecaster.update(50 * y.iloc[50:56], update_params=False)  # rows that no interval holds
    expected = ours.update(50 * y.iloc[50:56].to_numpy()).predict_interval(1)[0, 0]
    found = forecaster.predict_interval(coverage=[0.8])["a"].to_numpy()[0]
    assert np.ptp(found) > before
    np.testing.assert_allclose(found, expected)
    np.testing.assert_array_equal(forecaster.forecaster_.forecaster_.weights_, weights)
