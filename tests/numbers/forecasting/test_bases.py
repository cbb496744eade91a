"""Bases: orthogonal, invertible, and OrthoTrans makes the steps of a window uncorrelated."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from foretell.numbers.forecasting.bases.dct import DCT
from foretell.numbers.forecasting.bases.identity import IdentityBasis
from foretell.numbers.forecasting.bases.ortho_trans import OrthoTrans, temporal_correlation
from foretell.numbers.forecasting.windows import windows


@pytest.fixture
def rows(rng):
    """Two series of different memory: (600, 2)."""
    noise = rng.standard_normal((600, 2))
    found = np.zeros_like(noise)
    for t in range(1, len(noise)):
        found[t] = [0.95, 0.6] * found[t - 1] + noise[t]
    return found + np.sin(np.arange(600.0) / 4)[:, None]


def off_diagonal(matrix):
    return np.abs(matrix[~np.eye(len(matrix), dtype=bool)]).mean()


@pytest.mark.parametrize("basis", [IdentityBasis(), DCT(), OrthoTrans()])
def test_orthogonal_and_invertible_in_float32(basis, rows):
    q = basis.fit(rows, 24).astype(np.float32)
    np.testing.assert_allclose(q @ q.T, np.eye(24), atol=1e-5)
    x = windows(rows, 24)[:, :, 0].astype(np.float32)
    np.testing.assert_allclose(x @ q.T @ q, x, atol=1e-4)


def test_temporal_correlation_is_the_mean_of_pearson_correlations(rows):
    by_hand = np.zeros((5, 5))
    for i in range(5):
        for j in range(5):
            num = len(rows) - 4
            by_hand[i, j] = np.mean([np.corrcoef(rows[i : i + num, n], rows[j : j + num, n])[0, 1] for n in range(2)])
    np.testing.assert_allclose(temporal_correlation(rows, 5), by_hand, atol=1e-12)


def test_ortho_trans_diagonalises_with_falling_eigenvalues(rows):
    q, correlation = OrthoTrans().fit(rows, 24), temporal_correlation(rows, 24)
    rotated = q @ correlation @ q.T
    np.testing.assert_allclose(rotated, np.diag(np.diag(rotated)), atol=1e-4)
    assert (np.diff(np.diag(rotated)) <= 1e-12).all()


def test_ortho_trans_decorrelates_training_windows(rows):
    single = rows[:, :1]
    steps = windows(single, 24)[:, :, 0]
    before = off_diagonal(np.corrcoef(steps.T))
    after = off_diagonal(np.corrcoef((steps @ OrthoTrans().fit(single, 24).T).T))
    assert before > 0.1
    assert after <= 0.01


def test_ortho_trans_signs_do_not_depend_on_the_sign_or_unit_of_the_data(rows):
    np.testing.assert_allclose(OrthoTrans().fit(rows, 8), OrthoTrans().fit(-3 * rows + 100, 8), atol=1e-9)


def test_ortho_trans_leaves_out_constant_series_and_refuses_if_all_are(rows):
    beside = np.column_stack([rows, np.full(len(rows), 7.0)])
    np.testing.assert_array_equal(OrthoTrans().fit(beside, 8), OrthoTrans().fit(rows, 8))
    with pytest.raises(ValueError, match=r"none of the 2 series varies .* basis=IdentityBasis\(\)"):
        OrthoTrans().fit(np.full((60, 2), 3.0), 8)


def test_ortho_trans_warns_of_fewer_windows_than_steps(rows):
    with pytest.warns(UserWarning, match="11 windows are fewer than their 20 steps"):
        q = OrthoTrans().fit(rows[:30], 20)
    np.testing.assert_allclose(q @ q.T, np.eye(20), atol=1e-10)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        OrthoTrans().fit(rows[:39], 20)
