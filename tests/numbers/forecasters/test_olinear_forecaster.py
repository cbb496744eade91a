"""OLinear: learns, repeats, lets nothing of the future through, and says what is wrong with its input."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from foretell.numbers.forecasters.olinear_forecaster import OLinearForecaster
from foretell.numbers.forecasters.seasonal_naive import SeasonalNaive
from foretell.numbers.forecasting.bases.dct import DCT
from foretell.numbers.forecasting.bases.identity import IdentityBasis
from foretell.numbers.forecasting.mixers.corr_norm_lin import CorrNormLin
from foretell.numbers.forecasting.mixers.mean import Mean
from foretell.numbers.forecasting.mixers.none import NoMixer
from foretell.numbers.forecasting.mixers.self_attention import SelfAttention
from foretell.numbers.forecasting.scalers.last_value import LastValue
from foretell.numbers.forecasting.windows import pairs


@pytest.fixture
def rows(rng):
    """Two weekly cycles, the second one day behind the first: (400, 2)."""
    cycle = np.sin(2 * np.pi * np.arange(401.0) / 7) + 0.2 * rng.standard_normal(401)
    return np.column_stack([10 + cycle[1:], 500 + 40 * cycle[:-1]])


def small(**settings):
    return OLinearForecaster(**{"lag": 14, "horizon": 7, "width": 16, "copies": 2, "epochs": 3, "random_state": 0, **settings})


def weights(fitted):
    return {name: tensor.numpy() for name, tensor in fitted.network_.state_dict().items()}


def test_learns_a_cycle(rows):
    train, (before, after) = rows[:300], pairs(rows[300:], 14, 7)
    scale = train.std(axis=0)
    ours = small(epochs=15, learning_rate=5e-3).fit(train).predict_windows(before)
    naive = SeasonalNaive(lag=14, horizon=7, season=7).fit(train).predict_windows(before)
    assert (np.abs(ours - after) / scale).mean() < 0.85 * (np.abs(naive - after) / scale).mean()


def test_forecast_keeps_the_units_of_each_series(rows):
    forecast = small().fit(rows).predict()
    assert forecast.shape == (7, 2)
    assert 7 < forecast[:, 0].min() < forecast[:, 0].max() < 13
    assert 380 < forecast[:, 1].min() < forecast[:, 1].max() < 620


def test_same_random_state_same_weights_and_another_gives_others(rows):
    first, second, other = small().fit(rows), small().fit(rows), small(random_state=1).fit(rows)
    assert all((tensor == weights(second)[name]).all() for name, tensor in weights(first).items())
    assert (first.predict() == second.predict()).all()
    assert (first.predict() != other.predict()).any()


def test_a_window_does_not_feel_the_windows_beside_it(rows):
    fitted = small().fit(rows)
    before, _ = pairs(rows, 14, 7)
    np.testing.assert_allclose(fitted.predict_windows(before[:50])[3], fitted.predict_windows(before[3:4])[0], rtol=1e-12)


def test_nothing_of_the_test_part_or_of_the_held_out_part_leaks(rows):
    changed = rows.copy()
    changed[300:] = 1e6
    first, second = small().fit(rows[:300]), small().fit(changed[:300])
    for name in ("centre_", "scale_", "basis_in_", "basis_out_", "correlation_"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    assert all((tensor == weights(second)[name]).all() for name, tensor in weights(first).items())

    held = rows[:300].copy()
    held[270:] += 5  # the last tenth: seen only to choose the epoch
    third = small().fit(held)
    for name in ("centre_", "scale_", "basis_in_", "basis_out_", "correlation_"):
        np.testing.assert_array_equal(getattr(first, name), getattr(third, name))
    once, again = small(epochs=1).fit(rows[:300]), small(epochs=1).fit(held)
    assert all((tensor == weights(again)[name]).all() for name, tensor in weights(once).items())


def test_keeps_the_epoch_that_is_best_on_the_held_out_part(rows):
    report = small(epochs=4).fit(rows).report_
    assert len(report["history"]) == 4
    assert report["best"][0] == min(loss for _, loss in report["history"])
    assert small(validation_fraction=0).fit(rows).report_["finished"]


@pytest.mark.parametrize(
    "part",
    [
        {"basis": DCT()},
        {"basis": IdentityBasis()},
        {"mixer": NoMixer()},
        {"mixer": Mean()},
        {"mixer": CorrNormLin()},
        {"mixer": SelfAttention(heads=2)},
        {"scaler": LastValue()},
        {"hidden": 24, "layers": 1, "dropout": 0.0},
    ],
    ids=str,
)
def test_every_part_can_be_changed(rows, part):
    fitted = clone(small(epochs=1, **part)).fit(rows)
    assert np.isfinite(fitted.predict()).all()
    assert (fitted.predict() != small(epochs=1).fit(rows).predict()).any()


def test_nested_settings():
    model = OLinearForecaster(mixer=SelfAttention()).set_params(mixer__heads=8)
    assert model.get_params()["mixer__heads"] == 8


def test_an_untrained_network_is_made_from_settings_and_plain_attributes(rows):
    fitted = small().fit(rows)
    again = fitted._make_network()
    again.load_state_dict(fitted.network_.state_dict())
    before, forecast = rows[None, -14:], fitted.predict()
    fitted.network_ = again.eval()
    np.testing.assert_array_equal(fitted.predict_windows(before)[0], forecast)


def test_one_series_and_a_constant_one_beside_it(rows):
    assert small(epochs=1).fit(rows[:, 0]).predict().shape == (7, 1)
    beside = np.column_stack([rows, np.full(len(rows), 3.0)])
    for mixer in (None, CorrNormLin()):
        forecast = small(epochs=1, mixer=mixer).fit(beside).predict()
        assert np.isfinite(forecast).all()
        np.testing.assert_allclose(forecast[:, 2], 3.0, atol=0.1)


def test_bad_input(rows):
    with pytest.raises(ValueError, match=r"20 rows are too few for lag=14 and horizon=7, which need at least 21"):
        small().fit(rows[:20])
    with pytest.raises(ValueError, match=r"give at least 28 rows, or validation_fraction=0"):
        small().fit(rows[:25])
    with pytest.raises(ValueError, match="none of the 2 series varies"):
        small().fit(np.ones((100, 2)))
    holed = rows.copy()
    holed[5, 1] = np.nan
    with pytest.raises(ValueError, match="first in row 5, column 1; fill the gaps"):
        small().fit(holed)
    for wrong in (rows.astype(complex), np.full((60, 2), "x"), pd.DataFrame({"a": pd.date_range("2024", periods=60), "b": "x"})):
        with pytest.raises(ValueError, match="must be numbers"):
            small().fit(wrong)
    with pytest.raises(ValueError, match="index value 3 comes more than once"):
        small().fit(pd.DataFrame(rows, index=[0, 1, 2, 3, 3, *range(5, 400)]))
    zero = dict.fromkeys(["width", "hidden", "copies", "epochs", "learning_rate"], 0)
    for name, value in {**zero, "validation_fraction": 1, "dropout": 1}.items():
        with pytest.raises(ValueError, match=f"OLinearForecaster: {name}={value}"):
            small(**{name: value}).fit(rows)


def test_bad_questions_to_a_fitted_forecaster(rows):
    fitted = small(epochs=1).fit(pd.DataFrame(rows, columns=["a", "b"]))
    with pytest.raises(ValueError, match=r"horizon=8 .* 1 to the fitted 7; fit with horizon=8, or use predict_further"):
        fitted.predict(8)
    assert fitted.predict_further(10).shape == (10, 2)
    np.testing.assert_array_equal(fitted.predict_further(7), fitted.predict())
    with pytest.raises(ValueError, match=r"columns \['b', 'a'\].*fitted to \['a', 'b'\]"):
        fitted.predict(context=pd.DataFrame(rows, columns=["b", "a"]))
    with pytest.raises(ValueError, match=r"needs 2 columns and at least lag=14 rows"):
        fitted.predict(context=rows[:, :1])
    with pytest.raises(ValueError, match=r"windows have shape \(1, 14, 3\)"):
        fitted.predict_windows(np.zeros((1, 14, 3)))
