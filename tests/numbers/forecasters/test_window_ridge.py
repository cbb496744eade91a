"""The ridge on windows is scikit-learn's on the same rows."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from foretell.numbers.forecasters.window_ridge import WindowRidge
from foretell.numbers.forecasting.windows import pairs


@pytest.fixture
def rows(rng):
    return np.cumsum(rng.standard_normal((200, 3)), axis=0) * [1.0, 10.0, 0.1] + [0.0, 50.0, -3.0]


@pytest.mark.parametrize("centre", ["mean", "last", "none"])
@pytest.mark.parametrize("shared", [True, False])
def test_same_as_scikit_learn(rows, centre, shared):
    fitted = WindowRidge(lag=6, horizon=4, alpha=2.0, centre=centre, shared=shared).fit(rows)
    before, after = pairs((rows - rows.mean(0)) / rows.std(0), 6, 4)
    level = {"mean": before.mean(1, keepdims=True), "last": before[:, -1:], "none": np.zeros((1, 1, 1))}[centre]
    before, after = before - level, after - level
    expected = np.empty_like(after)
    if shared:
        stack = lambda part: part.swapaxes(1, 2).reshape(-1, part.shape[1])  # noqa: E731
        ridge = Ridge(alpha=2.0).fit(stack(before), stack(after))
        expected = ridge.predict(stack(before)).reshape(len(after), 3, 4).swapaxes(1, 2)
    else:
        for n in range(3):
            expected[:, :, n] = Ridge(alpha=2.0).fit(before[:, :, n], after[:, :, n]).predict(before[:, :, n])
    windows, _ = pairs(rows, 6, 4)
    np.testing.assert_allclose(fitted.predict_windows(windows), (expected + level) * rows.std(0) + rows.mean(0), rtol=1e-6, atol=1e-6)


def test_finds_an_autoregression(rng):
    y = np.zeros(3000)
    for t in range(2, 3000):
        y[t] = 1.2 * y[t - 1] - 0.5 * y[t - 2] + 0.01 * rng.standard_normal()
    fitted = WindowRidge(lag=4, horizon=1, alpha=1e-6, centre="none").fit(y)
    np.testing.assert_allclose(fitted.weights_[0, :, 0], [0, 0, -0.5, 1.2], atol=0.06)


def test_constant_series_stay_constant(rows):
    beside = np.column_stack([rows, np.full(len(rows), 4.0)])
    np.testing.assert_allclose(WindowRidge(lag=6, horizon=4, shared=False).fit(beside).predict()[:, 3], 4.0)


def test_bad_settings(rows):
    with pytest.raises(ValueError, match="WindowRidge: alpha=0 must be above 0"):
        WindowRidge(lag=6, horizon=4, alpha=0).fit(rows)
    with pytest.raises(ValueError, match="centre='median' must be one of mean, last, none"):
        WindowRidge(lag=6, horizon=4, centre="median").fit(rows)


def test_a_series_that_tells_of_another_is_used_across():
    rng = np.random.RandomState(0)
    lead = rng.standard_normal(600)
    rows = np.stack([lead, np.roll(lead, 3)], axis=1)  # the second is the first, three rows later
    own, across = (WindowRidge(lag=6, horizon=3, across=way, centre="none").fit(rows[:500]) for way in (None, 1e-3))
    before, after = pairs(rows[500:], 6, 3)
    errors = [np.abs(model.predict_windows(before) - after)[..., 1].mean() for model in (own, across)]
    assert errors[1] < 0.1 * errors[0]
    # by scikit-learn: ridge from both windows to what the first map leaves
    scaled = (rows[:500] - across.centre_) / across.scale_
    x, y = (part.swapaxes(1, 2).reshape(len(part), -1) for part in pairs(scaled, 6, 3))
    left = y - ((own.predict_windows(pairs(rows[:500], 6, 3)[0]) - own.centre_) / own.scale_).swapaxes(1, 2).reshape(len(y), -1)
    expected = Ridge(alpha=1e-3 * len(x), fit_intercept=False).fit(x, left).coef_.T
    np.testing.assert_allclose(across.across_, expected, atol=1e-8)
