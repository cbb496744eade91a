"""The cost curve: between its points, beyond them, measured, kept."""

from __future__ import annotations

import platform

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import isotonic_regression

from foretell.decoding.cost_curve import CostCurve
from foretell.decoding.pacing import measured_curve
from foretell.decoding.pacing.measured_curve import measure
from foretell.models.cache_folder import write_json
from foretell.models.tiny import TinyModel


@given(st.lists(st.floats(0.1, 10), min_size=1, max_size=20))
@settings(max_examples=150, deadline=None)
def test_smoothing_is_isotonic_regression(values):
    np.testing.assert_allclose(measured_curve._isotonic(values), isotonic_regression(values).x)


def test_between_and_beyond_its_points():
    curve = CostCurve((2, 4, 8), (1.0, 2.0, 3.0))
    assert [curve(n) for n in (1, 2, 3, 4, 6, 8)] == [1.0, 1.0, 1.5, 2.0, 2.5, 3.0]
    assert curve(11) == pytest.approx(3 + 3 * (2 / 6))  # the mean slope
    np.testing.assert_allclose(curve.table(11), [curve(n) for n in range(1, 12)])
    assert CostCurve((4,), (1.0,))(100) == 1.0
    assert [CostCurve.flat(2.0, 0.5)(n) for n in (1, 2, 11)] == [2.0, 2.5, 7.0]


def test_a_step_over_several_texts():
    curve = CostCurve((1, 9), (1.0, 1.8), context=100, per_token=0.001, per_token_row=0.0001, per_text=0.05)
    assert curve.step([(100, 5)]) == pytest.approx(curve(5))
    assert curve.step([(300, 1)]) == pytest.approx(curve(1) + 200 * 0.0011)
    alone = curve.without_attention(2)  # two rows, without what their texts cost
    assert curve.step([(100, 1), (500, 1)]) == pytest.approx(alone + 600 * 0.0011 + 0.05)
    assert CostCurve((1, 9), (1.0, 1.8)).step([(7, 2), (900, 3)]) == CostCurve((1, 9), (1.0, 1.8))(5)


@pytest.mark.parametrize(("rows", "seconds"), [((), ()), ((1, 2), (1.0,)), ((2, 1), (1.0, 2.0)), ((1, 1), (1.0, 2.0))])
def test_wrong_curves_are_refused(rows, seconds):
    with pytest.raises(ValueError, match=r"CostCurve: rows=.*must ascend"):
        CostCurve(rows, seconds)


@pytest.mark.parametrize("max_length", [4096, 70, 20, 2])
def test_measuring_fits_any_context(max_length):
    curve = measure(TinyModel(max_length=max_length), budget=0.0)
    assert curve.rows[0] == 1
    assert list(curve.seconds) == sorted(curve.seconds)
    assert min(curve.seconds) > 0


def test_a_curve_is_measured_once(monkeypatch):
    calls = []
    monkeypatch.setattr(measured_curve, "measure", lambda model, rows, stop: calls.append(model) or CostCurve.flat(1.0, 0.25))
    model = TinyModel(seed=99)
    assert measured_curve.known_curve(model) is None
    curve = measured_curve.curve_of(model)
    assert measured_curve.curve_of(model) is curve
    assert measured_curve.curve_of(TinyModel(seed=99)) == curve  # another object of the same fingerprint: from the folder
    assert len(calls) == 1
    measured_curve.curve_of(model, remeasure=True)
    assert len(calls) == 2


def test_a_curve_can_be_given_instead():
    model = TinyModel(seed=98)
    measured_curve.use_curve(model, CostCurve.flat(3.0))
    assert measured_curve.curve_of(model)(1) == 3.0


def test_a_stored_curve_keeps_all_its_numbers_and_is_known_by_threads_and_processor(cache, monkeypatch):
    given = CostCurve((1, 8), (1.0, 1.5), context=64, per_token=0.25, per_token_row=0.125, per_text=0.5)
    monkeypatch.setattr(measured_curve, "measure", lambda model, rows, stop: given)
    one, two = TinyModel(seed=97), TinyModel(seed=97)
    one.num_threads, two.num_threads = 1, 2
    assert measured_curve.curve_of(one) == given
    again = TinyModel(seed=97)
    again.num_threads = 1
    assert measured_curve.known_curve(again) == given
    assert measured_curve.known_curve(two) is None
    [entry] = (cache / "curves").iterdir()
    assert platform.node() not in entry.name


@pytest.mark.parametrize(
    "entry",
    [None, {}, {"version": 2, "rows": [1], "seconds": [1.0]}, {"version": 4, "tries": 1, "speed": 1}, []],
)
def test_other_entries_are_measured_again(entry, cache, monkeypatch):
    monkeypatch.setattr(measured_curve, "measure", lambda model, rows, stop: CostCurve((1,), (7.0,)))
    model = TinyModel(seed=95)
    write_json(measured_curve._name(model, None), entry)
    assert measured_curve.known_curve(model) is None
    assert measured_curve.curve_of(model)(1) == 7.0


def test_a_curve_of_a_busy_machine_is_measured_again_and_the_best_is_kept(cache, monkeypatch):
    noises = iter([2.0, 3.0, 1.5, 1.4, 1.0])
    monkeypatch.setattr(measured_curve, "measure", lambda model, rows, stop: CostCurve((1,), (1.0,), noise=next(noises)))
    kept = [measured_curve.curve_of(TinyModel(seed=96)).noise for _ in range(6)]  # each model stands for a process
    assert kept == [2.0, 2.0, 1.5, 1.4, 1.4, 1.4]


def test_of_a_slow_model_few_points_are_measured(monkeypatch):
    monkeypatch.setattr(measured_curve, "_SLOW", 0.0)
    curve = measure(TinyModel(), budget=0.0)
    assert curve.rows == (1, 2, 8, 32)
    assert curve.per_token == 0.0
