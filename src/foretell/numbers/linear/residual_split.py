"""Analysis of a linear model's error: the part that a better fit of the same features removes, and the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg
from sklearn.base import is_classifier

from foretell.errors import UserError
from foretell.numbers.linear.systems import demand_full_rank, dependent_columns, finite_matrix, finite_targets, root_weights

#: Rows with a leverage this close to 1 are fitted exactly: without them a coefficient is not determined.
_ALONE = 1e-10


@dataclass(frozen=True)
class ResidualSplit:
    """total = fixable + floor, sums of (weighted) squares over the rows, up to rounding: numbers for y (n,), arrays (k,) for y (n, k).

    fixable_share, floor_share: of the total. delta: (D,) or (D, k), the change of the coefficients that removes the fixable part, to the
    exact fit. gains: shaped as delta: how far each coefficient's change alone moves the fitted values, |x_j delta_j|. residual: shaped as
    y: the residual after that change. leverage: (n,), between 0 and 1; their sum is the rank. leave_one_out: shaped as y: the residual of
    each row from the exact fit to the others; NaN where they do not determine it. leave_one_out_total: the sum of their (weighted) squares
    without NaN, the out-of-sample floor, since "fixable" is measured on the rows that the exact fit is fitted to. dependent: columns that
    are combinations of others (with min_norm; else empty). intercept: whether the last coefficient is an intercept.
    """

    total: Any
    fixable: Any
    floor: Any
    fixable_share: Any
    floor_share: Any
    delta: np.ndarray
    gains: np.ndarray
    residual: np.ndarray
    leverage: np.ndarray
    leave_one_out: np.ndarray
    leave_one_out_total: Any
    dependent: tuple[int, ...]
    intercept: bool

    def __str__(self) -> str:
        rows = [
            ("error now, sum of squares", np.sum(self.total)),
            ("a better fit of these features removes", np.sum(self.fixable)),
            ("only other features remove", np.sum(self.floor)),
            ("floor with each row left out in turn", np.sum(self.leave_one_out_total)),
        ]
        return "\n".join(f"{name:40} {value:12.6g}  {value / (np.sum(self.total) or 1.0):7.2%}" for name, value in rows)


def explain_residual(X: Any, y: Any, a: Any, sample_weight: Any = None, min_norm: bool = False) -> ResidualSplit:  # noqa: N803
    """Split the error of a linear model on rows X (n, d) with targets y, (n,) or (n, k).

    a: coefficients, (d,) or (d, k), without an intercept; or a fitted linear estimator (`coef_`, `intercept_`), or a `torch.nn.Linear`,
    whose intercept is then refitted too, as the last of D = d + 1 coefficients. For a network, pass its last layer, with its inputs as X.
    sample_weight: (n,), above 0. min_norm: allow columns that depend on each other; delta is then the change with the least norm. Computed
    in float64, by an orthogonal basis.

    Guarantee: Gauss-Markov correspondence (Kamiura, "The Gauss-Markov Adjunction", arXiv 2507.02442): with F(a) = X a and G(y) the exact
    fit, a residual y - F(a) corresponds to the change G(y) - a = G(y - F(a)), and |y - F(a)|² = |y - FG(y)|² + |F(G(y) - a)|².

    Cost: a QR of X. Errors: UserError for fewer rows than columns, columns that are combinations of others (named), NaN, lengths that
    differ, weights that are not above 0, models that are not linear.

    >>> X = np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]])
    >>> print(explain_residual(X, [1.0, 4.0, 5.0], [0.0, 2.0]))
    error now, sum of squares                           6  100.00%
    a better fit of these features removes        5.33333   88.89%
    only other features remove                   0.666667   11.11%
    floor with each row left out in turn                9  150.00%
    """
    matrix = finite_matrix(X, "X")
    targets = finite_targets(y, len(matrix), "y")
    coefficients, intercept = _coefficients(a, matrix, X)
    if intercept:
        matrix = np.hstack([matrix, np.ones((len(matrix), 1))])
    wanted = (matrix.shape[1], *targets.shape[1:])
    if coefficients.shape != wanted:
        given = (coefficients.shape[0] - intercept, *coefficients.shape[1:])
        raise UserError(f"a has shape {given}; it must be {(wanted[0] - intercept, *wanted[1:])} for y of shape {targets.shape}")
    root = np.ones((len(matrix), 1)) if sample_weight is None else root_weights(sample_weight, len(matrix), "sample_weight")
    flat = targets.ndim == 1
    residuals = root * (targets.reshape(len(matrix), -1) - matrix @ coefficients.reshape(len(coefficients), -1))
    scaled = root * matrix
    basis, pull, dependent = _basis(scaled, min_norm)
    inside = basis.T @ residuals
    delta, least = pull(inside), residuals - basis @ inside
    leverage = np.sum(basis**2, axis=1)
    free = 1 - leverage
    left_out = np.where(free[:, None] > _ALONE, least / np.where(free > _ALONE, free, 1.0)[:, None], np.nan)
    total, fixable, floor = (np.sum(part**2, axis=0) for part in (residuals, inside, least))
    safe = np.where(total > 0, total, 1.0)

    def shaped(values: np.ndarray) -> Any:
        if not flat:
            return values
        return float(values[0]) if values.ndim == 1 else values[:, 0]

    return ResidualSplit(
        total=shaped(total),
        fixable=shaped(fixable),
        floor=shaped(floor),
        fixable_share=shaped(fixable / safe),
        floor_share=shaped(floor / safe),
        delta=shaped(delta),
        gains=shaped(np.abs(delta) * np.linalg.norm(scaled, axis=0)[:, None]),
        residual=shaped(least / root),
        leverage=leverage,
        leave_one_out=shaped(left_out / root),
        leave_one_out_total=shaped(np.nansum(left_out**2, axis=0)),
        dependent=tuple(dependent),
        intercept=intercept,
    )


def _basis(matrix: np.ndarray, min_norm: bool) -> tuple[np.ndarray, Any, list[int]]:
    """An orthonormal basis of the columns' span (n, rank), a function from coordinates in it to the (shortest) coefficients, and columns
    that are combinations of others."""
    dependent = dependent_columns(matrix) if min_norm else []
    if not dependent:
        basis, factor = scipy.linalg.qr(matrix, mode="economic", check_finite=False)
        demand_full_rank(factor, "explain_residual", "min_norm=True gives the shortest change")
        return basis, lambda inside: scipy.linalg.solve_triangular(factor, inside, check_finite=False), []
    left, sizes, right = scipy.linalg.svd(matrix, full_matrices=False, check_finite=False)
    rank = matrix.shape[1] - len(dependent)
    return left[:, :rank], lambda inside: right[:rank].T @ (inside / sizes[:rank, None]), dependent


def _coefficients(a: Any, matrix: np.ndarray, X: Any) -> tuple[np.ndarray, bool]:  # noqa: N803
    """Coefficients, (D,) or (D, k), and whether the last is an intercept."""
    if hasattr(a, "weight") and hasattr(a, "in_features"):  # a torch.nn.Linear
        slopes = np.asarray(a.weight.detach().cpu().double()).T
        return _joined(slopes, None if a.bias is None else np.asarray(a.bias.detach().cpu().double()))
    if not (hasattr(a, "fit") or hasattr(a, "predict") or hasattr(a, "forward")):
        return finite_matrix(np.asarray(a).reshape(len(a), -1), "a").reshape(np.shape(a)), False
    offer = "split the error of its last linear layer: give X as that layer reads it, and the layer's coefficients as a"
    if not hasattr(a, "coef_") or is_classifier(a):
        raise UserError(f"{type(a).__name__} is no linear model with coef_; {offer}")
    slopes, offset = np.asarray(a.coef_, dtype=float).T, np.asarray(getattr(a, "intercept_", 0.0), dtype=float)
    if matrix.shape[1] != len(slopes):
        raise UserError(f"a has {len(slopes)} coefficients, but X has {matrix.shape[1]} columns")
    said, linear = np.asarray(a.predict(X), dtype=float), matrix @ slopes + offset
    if not np.allclose(said.reshape(len(matrix), -1), linear.reshape(len(matrix), -1), rtol=1e-6, atol=1e-6 * np.abs(linear).max()):
        raise UserError(f"{type(a).__name__} does not predict X coef_ + intercept_, so it is not linear; {offer}")
    return _joined(slopes, offset if getattr(a, "fit_intercept", np.any(offset != 0)) else None)


def _joined(slopes: np.ndarray, offset: np.ndarray | None) -> tuple[np.ndarray, bool]:
    """Coefficients with the intercept as their last."""
    if offset is None:
        return slopes, False
    last = np.broadcast_to(np.ravel(offset), slopes.shape[1:] or 1).reshape(slopes.shape[1:])  # some estimators give (1,) with slopes (d,)
    return np.concatenate([slopes, last[None]]), True
