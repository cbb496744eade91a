"""Laws 1 to 9: kept by every exact solver, and each broken solver caught by a law that is named."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator
from sklearn.linear_model import LinearRegression
from sklearn.linear_model import Ridge as SklearnRidge

from foretell.numbers.estimators.sketched_linear_regression import SketchedLinearRegression
from foretell.numbers.linear.sketches.countsketch import CountSketch
from foretell.numbers.linear.solvers.cholesky import Cholesky
from foretell.numbers.linear.solvers.gradient_descent import GradientDescent
from foretell.numbers.linear.solvers.lstsq import LSTSQ
from foretell.numbers.linear.solvers.qr import QR
from foretell.numbers.linear.solvers.ridge import Ridge
from foretell.testing.linear_solver import LAWS, Problem, UnlawfulSolverError, check_linear_solver, problems

EXACT = [QR(), LSTSQ(), LSTSQ("gelsy"), LSTSQ("gelss"), Cholesky()]


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    solver=st.sampled_from(EXACT),
    num_columns=st.integers(1, 6),
    surplus=st.integers(0, 12),
    log_condition=st.floats(0, 6),
    seed=st.integers(0, 2**16),
)
def test_exact_solvers_keep_all_laws(solver, num_columns, surplus, log_condition, seed):
    cases = problems([10.0**log_condition], True, num_columns + surplus, num_columns, seed)
    assert set(check_linear_solver(solver, cases)) == set(LAWS)


def test_scikit_learn_keeps_them_where_its_cutoff_allows():
    """Its default tol drops singular values, and with them coefficients, at a condition number of 1e6."""
    check_linear_solver(LinearRegression(), conditions=(10.0, 1e3))
    check_linear_solver(LinearRegression(fit_intercept=False), conditions=(10.0, 1e3))


def test_sketched_regression_keeps_them_when_refined():
    cases = problems((10.0, 1e6), True, num_rows=50, num_columns=2)
    check_linear_solver(SketchedLinearRegression(refine=20, random_state=0), [cases[1], cases[2]])
    check_linear_solver(SketchedLinearRegression(CountSketch(), refine=20, n_repeats=2, fit_intercept=False, random_state=0), cases[:1])


def test_sketched_regression_alone_is_a_skew_projection():
    """Of fitted data it finds the coefficients (law 1 holds), but its H is not self-adjoint."""
    with pytest.raises(UnlawfulSolverError, match=r"projection.*not self-adjoint"):
        check_linear_solver(SketchedLinearRegression(random_state=0), problems((10.0,), False, num_rows=50, num_columns=2))


def test_gradient_descent_keeps_them_when_it_has_converged():
    rng = np.random.default_rng(0)
    [plain] = problems((3.0,), False)
    check_linear_solver(GradientDescent(), [plain, Problem(plain.X, plain.y, rng.uniform(0.5, 2, len(plain.y)))])
    check_linear_solver(GradientDescent(step=1.5), [plain])
    with pytest.warns(UserWarning, match="max_steps=3"), pytest.raises(UnlawfulSolverError, match="shrinkage"):
        check_linear_solver(GradientDescent(max_steps=3, step=1.0), [plain])


class Solver:
    """A solver of one function."""

    def __init__(self, function):
        self.function = function

    def solve(self, A, b, weights=None):  # noqa: N803
        return self.function(A, b, np.ones(len(b)) if weights is None else weights)


class NoOffset(BaseEstimator):
    """Centres both sides, and forgets to say so."""

    fit_intercept = True

    def fit(self, X, y):  # noqa: N803
        self.coef_ = np.linalg.lstsq(X - X.mean(axis=0), y - y.mean(), rcond=None)[0]
        self.intercept_ = 0.0
        return self


class PenalisedIntercept(BaseEstimator):
    """A column of ones that is penalised like the others, too little to see from afar."""

    fit_intercept = True

    def fit(self, X, y):  # noqa: N803
        found = Ridge(alpha=1e-6).solve(np.hstack([X, np.ones((len(X), 1))]), y)
        self.coef_, self.intercept_ = found[:-1], found[-1]
        return self


def unweighted(A, b, weights):  # noqa: N803
    return np.linalg.lstsq(A, b, rcond=None)[0]


def half_weighted(A, b, weights):  # noqa: N803
    """Weights where their roots belong."""
    return np.linalg.lstsq(A * weights[:, None], b * weights, rcond=None)[0]


def one_sided(A, b, weights):  # noqa: N803
    return np.linalg.lstsq(A, b * np.sqrt(weights), rcond=None)[0]


def least_absolute(A, b, weights):  # noqa: N803
    """A start from least squares that is then weighted by its residuals: not linear in b."""
    first = np.linalg.lstsq(A, b, rcond=None)[0]
    return half_weighted(A, b, 1 / np.sqrt(np.abs(b - A @ first) + 1e-3))


BROKEN = {
    "transposed": (Solver(lambda x, y, w: x.T @ y), "identity"),
    "ridge called least squares": (Ridge(alpha=0.1), "identity"),
    "scikit-learn's ridge": (SklearnRidge(alpha=1e-3), "identity"),
    "missing offset": (NoOffset(), "identity"),
    "penalised intercept": (PenalisedIntercept(), "identity"),
    "unweighted in a weighted norm": (Solver(unweighted), "projection"),
    "weights in place of roots": (Solver(half_weighted), "projection"),
    "weights on one side": (Solver(one_sided), "identity"),
    "first rows only": (Solver(lambda x, y, w: np.linalg.lstsq(x[:8], y[:8], rcond=None)[0]), "projection"),
    "reweighted": (Solver(least_absolute), "projection"),
    "rounded": (Solver(lambda x, y, w: QR().solve(x, y, w).astype(np.float32)), "identity"),
    "not a number": (Solver(lambda x, y, w: np.full(x.shape[1], np.nan)), "identity"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_solvers_are_caught_by_name(name):
    solver, law = BROKEN[name]
    with np.errstate(all="ignore"), pytest.raises(UnlawfulSolverError, match=law) as caught:
        check_linear_solver(solver, conditions=(10.0,))
    assert caught.value.law == law


def test_shrinkage_is_reported_with_its_size():
    with pytest.raises(AssertionError, match=r"\|GF - I\| = 0.909, shrinkage"):
        check_linear_solver(Ridge(alpha=0.1), conditions=(10.0,))


# Each law can be the one that fails: a solver that keeps all those before it.


@pytest.mark.parametrize("law", ["naturality", "composition", "equivariance"])
def test_every_law_has_teeth(law):
    """QR, but wrong on one kind of question only."""
    [problem] = problems((10.0,), False)

    def solve(A, b, weights):  # noqa: N803
        right = QR().solve(A, b)
        if law == "composition" and not b.any():
            return right + 1.0
        if law == "equivariance" and not np.array_equal(A, problem.X):
            return right * 1.001
        if law == "naturality":  # not additive far from where projections are looked at
            return right * (1.001 if np.linalg.norm(b) > 1.2 * np.linalg.norm(problem.y) else 1.0)
        return right

    with pytest.raises(UnlawfulSolverError) as caught:
        check_linear_solver(Solver(solve), [problem])
    assert caught.value.law == law


# What solvers say of what is no system.

GOOD = np.random.RandomState(0).standard_normal((8, 3))
TWIN = np.hstack([GOOD, 2 * GOOD[:, :1]])


@pytest.mark.parametrize("solver", [*EXACT, GradientDescent()], ids=str)
def test_bad_input(solver):
    y = np.arange(8.0)
    with pytest.raises(ValueError, match=r"columns \[.*\] are zero or combinations.*min_norm"):
        solver.solve(TWIN, y)
    with pytest.raises(ValueError, match=r"columns \[1\] are zero"):
        solver.solve(GOOD * [1.0, 0.0, 1.0], y)
    with pytest.raises(ValueError, match="2 rows do not determine 3 coefficients"):
        solver.solve(GOOD[:2], y[:2])
    with pytest.raises(ValueError, match=r"A holds NaN or infinity, the first in row 2, column 1"):
        solver.solve(np.where(np.arange(24).reshape(8, 3) == 7, np.nan, GOOD), y)
    with pytest.raises(ValueError, match="b holds NaN"):
        solver.solve(GOOD, np.where(y == 3, np.inf, y))
    with pytest.raises(ValueError, match=r"b has shape \(7,\).*8 rows"):
        solver.solve(GOOD, y[:7])
    with pytest.raises(ValueError, match="at least one row and one column"):
        solver.solve(np.ones((8, 0)), y)
    with pytest.raises(ValueError, match="A must be numbers"):
        solver.solve([["a", "b"]], [1.0])
    for weights in ([1.0] * 7, [0.0] + [1.0] * 7, [-1.0] * 8, [np.nan] * 8):
        with pytest.raises(ValueError, match=r"weights has shape.*leave out rows of weight 0"):
            solver.solve(GOOD, y, weights)


def test_bad_settings():
    with pytest.raises(ValueError, match="driver='svd' must be one of gelsd"):
        LSTSQ("svd").solve(GOOD, np.ones(8))
    with pytest.raises(ValueError, match=r"alpha=0.* take QR\(\)"):
        Ridge(0.0).solve(GOOD, np.ones(8))
    with pytest.raises(ValueError, match=r"step=2.5 must lie between 0 and 2"):
        GradientDescent(step=2.5).solve(GOOD, np.ones(8))
    with pytest.warns(UserWarning, match="max_steps=2 did not reach"):
        GradientDescent(max_steps=2).solve(GOOD, np.ones(8))


def test_several_targets_and_units(rng):
    y = rng.standard_normal((8, 2))
    both = QR().solve(GOOD, y)
    assert both.shape == (3, 2)
    np.testing.assert_allclose(both[:, 1], QR().solve(GOOD, y[:, 1]), atol=1e-14)
    units = np.array([1e-20, 1.0, 1e20])  # lengths of columns are no reason to call them dependent
    np.testing.assert_allclose(QR().solve(GOOD * units, y) * units[:, None], both, rtol=1e-10)


def test_the_shortest_solution_of_dependent_columns(rng):
    y = rng.standard_normal(8)
    np.testing.assert_allclose(LSTSQ(min_norm=True).solve(TWIN, y), np.linalg.pinv(TWIN) @ y, atol=1e-12)
