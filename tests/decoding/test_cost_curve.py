"""The cost curve: between its points, beyond them, measured, kept."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import isotonic_regression

from foretell.decoding.cost_curve import CostCurve
from foretell.decoding.pacing import measured_curve
from foretell.decoding.pacing.measured_curve import measure
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
