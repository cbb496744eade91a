"""The split of a residual: its sum, an independent oracle for leverage and leave-one-out, and what it refuses."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression, LogisticRegression, PoissonRegressor, Ridge, SGDRegressor
from sklearn.tree import DecisionTreeRegressor

from foretell.numbers.linear.residual_split import explain_residual


def table(rng, num_rows=40, num_columns=4, targets=()):
    X = rng.standard_normal((num_rows, num_columns)) + 1  # noqa: N806
    return X, rng.standard_normal((num_rows, *targets)) + 2


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    num_columns=st.integers(1, 6),
    surplus=st.integers(0, 20),
    log_condition=st.floats(0, 6),
    weighted=st.booleans(),
    seed=st.integers(0, 2**16),
)
def test_parts_add_up_and_the_change_removes_the_fixable_one(num_columns, surplus, log_condition, weighted, seed):
    rng = np.random.default_rng(seed)
    num_rows = num_columns + surplus
    left, right = (np.linalg.qr(rng.standard_normal((num, num_columns)))[0] for num in (num_rows, num_columns))
    X = left * np.geomspace(1, 10**-log_condition, num_columns) @ right  # noqa: N806
    y, a = rng.standard_normal(num_rows), rng.standard_normal(num_columns)
    weight = rng.uniform(0.1, 10, num_rows) if weighted else None
    split = explain_residual(X, y, a, weight)
    assert abs(split.total - split.fixable - split.floor) <= 1e-9 * split.total
    assert split.fixable_share + split.floor_share == pytest.approx(1)
    np.testing.assert_allclose(split.leverage.sum(), num_columns, rtol=1e-9)
    after = explain_residual(X, y, a + split.delta, weight)
    assert after.fixable <= 1e-9 * split.total
    assert abs(after.total - split.floor) <= 1e-9 * split.total


@pytest.mark.parametrize("weighted", [False, True])
def test_agrees_with_statsmodels(rng, weighted):
    statsmodels = pytest.importorskip("statsmodels.api")
    outliers = pytest.importorskip("statsmodels.stats.outliers_influence")
    X, y = table(rng)  # noqa: N806
    weight = rng.uniform(0.1, 10, len(y)) if weighted else np.ones(len(y))
    split = explain_residual(X, y, rng.standard_normal(4), weight)
    root = np.sqrt(weight)
    influence = outliers.OLSInfluence(statsmodels.OLS(root * y, root[:, None] * X).fit())
    np.testing.assert_allclose(split.leverage, influence.hat_matrix_diag, rtol=1e-8)
    np.testing.assert_allclose(split.leave_one_out * root, influence.resid_press, rtol=1e-8)


def test_leave_one_out_is_what_refitting_gives(rng):
    X, y = table(rng, targets=(2,))  # noqa: N806
    weight = rng.uniform(0.1, 10, len(y))
    model = LinearRegression().fit(X, y)
    split = explain_residual(X, y, model, weight)
    for left_out in (0, 17):
        kept = np.arange(len(y)) != left_out
        others = LinearRegression().fit(X[kept], y[kept], sample_weight=weight[kept])
        np.testing.assert_allclose(split.leave_one_out[left_out], y[left_out] - others.predict(X[[left_out]])[0], rtol=1e-8)
    assert split.leave_one_out_total == pytest.approx(np.sum(weight[:, None] * split.leave_one_out**2, axis=0))
    assert np.all(split.leave_one_out_total > split.floor)


def test_estimators_bring_their_intercept(rng):
    X, y = table(rng)  # noqa: N806
    best = LinearRegression().fit(X, y)
    assert explain_residual(X, y, best).fixable_share == pytest.approx(0, abs=1e-20)
    rough = SGDRegressor(max_iter=5, tol=None, random_state=0).fit(X, y)
    split = explain_residual(X, y, rough)
    np.testing.assert_allclose(np.append(rough.coef_, rough.intercept_) + split.delta, np.append(best.coef_, best.intercept_), rtol=1e-9)
    assert split.total == pytest.approx(np.sum((y - rough.predict(X)) ** 2))
    assert split.intercept
    without = Ridge(fit_intercept=False).fit(X, y)
    split = explain_residual(X, y, without)
    assert split.delta.shape == (4,)
    np.testing.assert_allclose(split.gains, np.abs(split.delta) * np.linalg.norm(X, axis=0))


def test_last_layer_of_a_network(rng):
    X, y = table(rng, targets=(3,))  # noqa: N806
    for bias in (True, False):
        layer = torch.nn.Linear(4, 3, bias=bias).double()
        split = explain_residual(X, y, layer)
        wrong = (torch.as_tensor(y) - layer(torch.as_tensor(X))).square().sum(dim=0).detach().numpy()
        np.testing.assert_allclose(split.total, wrong, rtol=1e-12)
        assert split.delta.shape == (4 + bias, 3)


def test_several_targets_are_split_each_for_itself(rng):
    X, y = table(rng, targets=(3,))  # noqa: N806
    a = rng.standard_normal((4, 3))
    whole = explain_residual(X, y, a)
    for column in range(3):
        one = explain_residual(X, y[:, column], a[:, column])
        for field in dataclasses.fields(one):
            if field.name not in ("dependent", "intercept", "leverage"):
                np.testing.assert_allclose(getattr(whole, field.name)[..., column], getattr(one, field.name), rtol=1e-10)


def test_dependent_columns_are_refused_by_number_or_solved_by_the_shortest_change(rng):
    X, y = table(rng)  # noqa: N806
    twin = np.hstack([X, X[:, :1] - X[:, 1:2]])
    a = rng.standard_normal(5)
    with pytest.raises(ValueError, match=r"columns \[\d\] are zero or combinations.*min_norm=True gives the shortest"):
        explain_residual(twin, y, a)
    split = explain_residual(twin, y, a, min_norm=True)
    assert len(split.dependent) == 1
    np.testing.assert_allclose(split.delta, np.linalg.pinv(twin) @ (y - twin @ a), atol=1e-10)
    assert abs(split.total - split.fixable - split.floor) <= 1e-9 * split.total
    assert split.leverage.sum() == pytest.approx(4)
    full = explain_residual(X, y, a[:4], min_norm=True)
    assert full.dependent == ()
    np.testing.assert_allclose(full.floor, split.floor)


def test_a_row_that_alone_determines_a_coefficient_has_no_residual_without_it():
    X = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 1.0]])  # noqa: N806
    split = explain_residual(X, [1.0, 2.0, 5.0], [0.0, 0.0])
    assert np.isnan(split.leave_one_out[2])
    np.testing.assert_allclose(split.leave_one_out[:2], [-1.0, 1.0])
    assert split.leave_one_out_total == pytest.approx(2.0)


def test_float32_features_are_split_in_float64(rng):
    X, y = table(rng)  # noqa: N806
    split = explain_residual(X.astype(np.float32), y.astype(np.float32), np.zeros(4, dtype=np.float32))
    assert abs(split.total - split.fixable - split.floor) <= 1e-12 * split.total


def test_bad_input(rng):
    X, y = table(rng)  # noqa: N806
    a = np.zeros(4)
    with pytest.raises(ValueError, match="3 rows do not determine 4 coefficients; give more rows, or min_norm=True"):
        explain_residual(X[:3], y[:3], a)
    with pytest.raises(ValueError, match=r"X holds NaN or infinity, the first in row 0, column 0"):
        explain_residual(np.full_like(X, np.inf), y, a)
    with pytest.raises(ValueError, match="y holds NaN"):
        explain_residual(X, np.full_like(y, np.nan), a)
    with pytest.raises(ValueError, match="a holds NaN"):
        explain_residual(X, y, np.full(4, np.nan))
    with pytest.raises(ValueError, match=r"a has shape \(3,\); it must be \(4,\)"):
        explain_residual(X, y, a[:3])
    with pytest.raises(ValueError, match=r"a has shape \(4, 2\); it must be \(4,\)"):
        explain_residual(X, y, np.zeros((4, 2)))
    with pytest.raises(ValueError, match=r"a has shape \(4, 2\); it must be \(4, 3\)"):
        explain_residual(X, np.zeros((40, 3)), np.zeros((4, 2)))
    with pytest.raises(ValueError, match=r"y has shape \(39,\)"):
        explain_residual(X, y[:-1], a)
    with pytest.raises(ValueError, match=r"sample_weight has shape .* above 0"):
        explain_residual(X, y, a, np.zeros(40))
    with pytest.raises(ValueError, match="X must be numbers"):
        explain_residual([["a"], ["b"]], [1.0, 2.0], [1.0])
    with pytest.raises(ValueError, match="5 coefficients, but X has 4 columns"):
        explain_residual(X, y, LinearRegression().fit(np.hstack([X, X[:, :1] ** 2]), y))


def test_what_is_not_linear_is_refused_with_an_offer(rng):
    X, y = table(rng)  # noqa: N806
    counts = rng.randint(0, 5, size=40)
    models = [
        DecisionTreeRegressor().fit(X, y),
        LogisticRegression().fit(X, counts > 2),
        PoissonRegressor().fit(X, counts),
        torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1)),
    ]
    for model in models:
        with pytest.raises(ValueError, match="split the error of its last linear layer"):
            explain_residual(X, y, model)
