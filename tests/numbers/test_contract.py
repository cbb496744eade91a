"""scikit-learn's own contract, on every estimator by discovery; each declared exception has its reason beside the estimator."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import check_estimator

from foretell.numbers import all_estimators, all_forecasters

CASES = [(name, example) for name, cls in all_estimators().items() for example in cls.examples()]
#: What no check is run for, anywhere: they need settings of the machine that tests cannot choose.
SKIPPED = {"check_array_api_input"}


@pytest.mark.parametrize(("name", "example"), CASES, ids=[f"{name}-{i}" for i, (name, _) in enumerate(CASES)])
@pytest.mark.filterwarnings("ignore")
def test_check_estimator(name, example):
    declared = getattr(type(example), "CHECKS_NOT_MET", {})
    assert all(len(reason) > 10 for reason in declared.values())
    results = check_estimator(example, expected_failed_checks=dict(declared), on_skip=None)
    skipped = {result["check_name"] for result in results if result["status"] == "skipped"}
    assert skipped <= SKIPPED
    met = {result["check_name"] for result in results if result["status"] == "passed"}
    failed = {result["check_name"] for result in results if result["status"] == "xfail"}
    assert set(declared) == failed, f"declared but met: {set(declared) & (met - failed)}"


@pytest.mark.parametrize("name", all_forecasters())
def test_forecasters_clone_pickle_and_repeat(name):
    cls = all_forecasters()[name]
    rows = 3 + np.sin(np.arange(120.0) / 3)[:, None] + 0.1 * np.random.RandomState(0).standard_normal((120, 2))
    for example in cls.examples():
        fitted = example.fit(rows)
        again = clone(example).fit(rows)
        forecast = fitted.predict()
        assert forecast.shape == (example.horizon, 2)
        assert np.isfinite(forecast).all()
        np.testing.assert_array_equal(forecast, again.predict())
        np.testing.assert_array_equal(forecast, pickle.loads(pickle.dumps(fitted)).predict())
