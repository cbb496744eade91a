"""Laws of exact least squares, for any solver or regressor: whatever is called least squares must obey them all.

    from foretell.testing.linear_solver import check_linear_solver

    check_linear_solver(LinearRegression())   # an estimator: fit, coef_, intercept_; sample_weight where it takes some
    check_linear_solver(QR())                 # or an object with solve(A, b, weights)

The correspondence behind the laws is that of Kamiura, "The Gauss-Markov Adjunction" (arXiv 2507.02442): F(a) = X a makes data of
coefficients, G(y) makes coefficients of data, and a residual y - F(a) corresponds to the change G(y) - a. There, any two functors would
do; what has content, and is checked here, are the numbers.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

#: Largest relative deviation, in units of the condition number of X.
TOLERANCE = 1e-10
#: The laws by their names, which errors begin with.
LAWS = {
    "identity": "1. G(F(a)) = a",
    "projection": "2. H = FG is a projection: H² = H, H' W = W H, trace H = rank",
    "orthogonality": "3. X' W e = 0",
    "triangle": "4. of F(a) nothing is left over, and of what is left over G makes 0",
    "naturality": "5. moving y by dy moves G(y) by G(dy); G(y) - a = G(y - F(a))",
    "composition": "6. two moves in a row are one by their sum; no move is no move",
    "pythagoras": "7. |y - F(a)|² = |y - FG(y)|² + |F(G(y) - a)|²",
    "limit": "8. along gradient descent |r_t|² - |e|² = |X(a_t - G(y))|² at every step, decreasing at the known rate",
    "equivariance": "9. X c + y shifts G(y) by c; columns X Q give Q^-1 G(y) and the same H",
}

Solve = Callable[..., np.ndarray]


class UnlawfulSolverError(AssertionError):
    """A solver breaks a law. law: its name, a key of `LAWS`."""

    def __init__(self, law: str, solver: Any, what: str) -> None:
        super().__init__(f"{law} ({LAWS[law]}): {solver!r} {what}")
        self.law = law


@dataclass(frozen=True)
class Problem:
    """X (n, d) of full column rank, y (n,), weights (n,) above 0 or None."""

    X: np.ndarray
    y: np.ndarray
    weights: np.ndarray | None = None


def problems(conditions: Sequence[float], weighted: bool, num_rows: int = 24, num_columns: int = 4, seed: int = 0) -> list[Problem]:
    """One of each condition number, columns of different lengths and a mean beside 0; `weighted`: and the same again with weights."""
    rng = np.random.default_rng(seed)
    found = []
    for condition in conditions:
        left, right = (
            np.linalg.qr(rng.standard_normal((num_rows, num_columns)))[0],
            np.linalg.qr(rng.standard_normal((num_columns,) * 2))[0],
        )
        X = left * np.geomspace(1, 1 / condition, num_columns) @ right  # noqa: N806
        y = rng.standard_normal(num_rows) + 1
        found += [Problem(X, y), *([Problem(X, y, rng.uniform(0.1, 10, num_rows))] if weighted else [])]
    return found


def check_linear_solver(
    solver: Any, given: Sequence[Problem] | None = None, conditions: Sequence[float] = (10.0, 1e3, 1e6), tolerance: float = TOLERANCE
) -> dict[str, float]:
    """Check all laws; returns the largest deviation of each, in units of the condition number. `UnlawfulSolverError` names the first
    that is broken; where coefficients are only drawn towards 0 it says so ("shrinkage"), and by how much.

    solver: has `solve(A, b, weights=None)`, or is a regressor with `coef_` and, where it fits one, `intercept_`. given: problems to
    check on; None: random ones of these condition numbers, also with weights where the solver takes them."""
    solve, weighted = _as_function(solver)
    worst = dict.fromkeys(LAWS, 0.0)
    for problem in problems(conditions, weighted) if given is None else given:
        for law, deviation, what in _deviations(solve, problem, bool(getattr(solver, "fit_intercept", False))):
            worst[law] = max(worst[law], deviation)
            if not deviation <= tolerance:  # NaN breaks it too
                raise UnlawfulSolverError(law, solver, f"{what}: off by {deviation:.2g} times the condition number, allowed {tolerance:g}")
    return worst


def _as_function(solver: Any) -> tuple[Solve, bool]:
    """(X, y, weights) -> a, where the last column of X is ones if the solver fits an intercept; and whether it takes weights."""
    if hasattr(solver, "solve"):
        weighted = "weights" in inspect.signature(solver.solve).parameters

        def solve(X: np.ndarray, y: np.ndarray, weights: np.ndarray | None) -> np.ndarray:  # noqa: N803
            return np.asarray(solver.solve(X, y) if weights is None else solver.solve(X, y, weights))

        return solve, weighted
    weighted = "sample_weight" in inspect.signature(solver.fit).parameters

    def fit(X: np.ndarray, y: np.ndarray, weights: np.ndarray | None) -> np.ndarray:  # noqa: N803
        from sklearn.base import clone

        intercept = bool(getattr(solver, "fit_intercept", False))
        fresh = clone(solver, safe=False)
        fresh.fit(X[:, :-1] if intercept else X, y, **({} if weights is None else {"sample_weight": weights}))
        return np.append(fresh.coef_, fresh.intercept_) if intercept else np.ravel(fresh.coef_)

    return fit, weighted


def _deviations(solve: Solve, problem: Problem, intercept: bool) -> Iterator[tuple[str, float, str]]:
    """(law, deviation in units of the condition number, what was seen) of everything that is checked."""
    rng = np.random.default_rng(1)
    X = np.hstack([problem.X, np.ones((len(problem.X), 1))]) if intercept else problem.X  # noqa: N806
    y, weights = problem.y, problem.weights
    n, d = X.shape
    W = np.ones(n) if weights is None else weights  # noqa: N806
    root = np.sqrt(W)
    singular = np.linalg.svd(root[:, None] * X, compute_uv=False)
    condition = singular[0] / singular[-1]

    def G(v: np.ndarray) -> np.ndarray:  # noqa: N802
        return solve(X, v, weights)

    def size(v: np.ndarray) -> float:
        """In the norm of the weights."""
        return float(np.linalg.norm(root * v))

    def off(a: np.ndarray, *, among: float) -> float:
        """Of coefficients, by how far they move fitted values."""
        return size(X @ a) / among / condition

    scale = size(y)
    a, da, c = (rng.standard_normal(d) for _ in range(3))
    dy, more = scale / size(np.ones(n)) * rng.standard_normal((2, n))
    a *= scale / size(X @ a)
    c *= scale / size(X @ c)

    GF = np.stack([G(column) for column in X.T], axis=1)  # noqa: N806
    distance = float(np.linalg.norm(GF - np.eye(d), 2)) if np.isfinite(GF).all() else np.nan
    kept = np.linalg.eigvals(GF) if np.isfinite(GF).all() else np.zeros(d)  # the share that is kept of each direction
    shrinks = np.all(np.abs(kept.imag) < 1e-6) and np.all((kept.real > 0) & (kept.real < 1 + 1e-6))
    says = f"has |GF - I| = {distance:.3g}" + (", shrinkage" if shrinks and distance > 1e-6 else "")
    yield "identity", off(G(X @ a) - a, among=scale), says
    yield "identity", distance / condition, says

    best = G(y)
    fitted = X @ best
    e = y - fitted
    H = X @ np.stack([G(unit) for unit in np.eye(n)], axis=1)  # noqa: N806
    white = root[:, None] * H / root  # symmetric where H is self-adjoint
    yield "projection", np.linalg.norm(white @ white - white) / condition, "has H² unlike H"
    yield "projection", np.linalg.norm(white - white.T) / condition, "has an H that is not self-adjoint"
    yield "projection", abs(np.trace(H) - d) / condition, f"has trace H = {np.trace(H):.6g}, not {d}"
    yield "orthogonality", np.linalg.norm(X.T @ (W * e)) / (singular[0] * scale) / condition, "leaves a residual that columns could explain"
    yield "triangle", off(a - G(X @ a), among=scale), "leaves something over of data that are fitted exactly"
    yield "triangle", off(G(e), among=scale), "finds something in the residual of its own fit"
    yield "naturality", off(G(y + dy) - best - G(dy), among=scale), "is not additive"
    yield "naturality", off(best - a - G(y - X @ a), among=scale), "does not turn a residual into the change of coefficients"
    yield "composition", off(G(y + dy + more) - best - G(dy) - G(more), among=scale), "is not the sum of its steps"
    yield "composition", off(G(np.zeros(n)), among=scale), "makes something of nothing"

    before, after, moved = size(y - X @ a) ** 2, size(e) ** 2, size(X @ (best - a)) ** 2
    yield "pythagoras", abs(before - after - moved) / scale**2 / condition, "splits the error into parts that do not add up"
    yield "pythagoras", max(0.0, moved - before) / scale**2 / condition, "expands distances"

    here = a + da * scale / size(X @ da)
    first = last = size(X @ (here - best))
    step, rate = 1 / singular[0] ** 2, 1 - 1 / condition**2
    for t in range(50):
        residual = y - X @ here
        excess, left = size(residual) ** 2 - after, size(X @ (here - best))
        yield "limit", abs(excess - left**2) / scale**2 / condition, f"is not where the error at step {t} points to"
        yield "limit", max(0.0, left - last, left - rate**t * first) / scale / condition, f"is not come nearer to at step {t}"
        here, last = here + step * X.T @ (W * residual), left

    yield "equivariance", off(G(X @ c + y) - c - best, among=scale), "does not shift with the data"
    free = d - intercept  # the column of ones must stay the last, though it may be added to others
    Q = np.eye(d)  # noqa: N806
    Q[:free, :free] = np.linalg.qr(rng.standard_normal((free, free)))[0] * np.linspace(1, 2, free)
    Q[free:, :free] = 1.0
    mixed = solve(X @ Q, y, weights)
    yield "equivariance", off(Q @ mixed - best, among=scale), "depends on the basis of the columns"
