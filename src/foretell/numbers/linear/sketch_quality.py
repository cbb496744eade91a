"""`sketch_quality`: how well a kind of sketch works on a given table, over many draws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg

from foretell.errors import UserError
from foretell.numbers.linear.sketches.base import Sketch
from foretell.numbers.linear.sketches.srdct import SRDCT
from foretell.numbers.linear.systems import demand_full_rank, finite_matrix, finite_targets


@dataclass(frozen=True)
class SketchQuality:
    """Figures of `n_draws` sketches with m rows of a table with n rows and d columns; each is (n_draws,).

    distortion: largest relative change of squared lengths in the columns' span; below 1 the sketch keeps the rank. product: sqrt(m) |g'S'S
    h - g'h| for two fixed unit vectors, one in the span and one outside; of order 1 for a dense sketch. residual_ratio: length of the
    sketched solution's residual over the exact one's. largest: the largest error of a coefficient, as a share of sqrt(log(2d) / (m - d))
    |r| / sigma_min; `coef_bound_` is 2 of it. Both are infinite where a draw lost a direction of the table.
    """

    m: int
    distortion: np.ndarray
    product: np.ndarray
    residual_ratio: np.ndarray
    largest: np.ndarray

    def __str__(self) -> str:
        d = {name: getattr(self, name) for name in ("distortion", "product", "residual_ratio", "largest")}
        return f"m = {self.m}: " + ", ".join(f"{name} {np.median(value):.3g} (worst {np.max(value):.3g})" for name, value in d.items())


def sketch_quality(
    A: Any,  # noqa: N803
    b: Any,
    sketch: Sketch | None = None,
    m: int | None = None,
    n_draws: int = 20,
    random_state: int | None = None,
) -> SketchQuality:
    """Solve A x = b exactly and by `n_draws` sketches, and measure their differences.

    A: (n, d) of full column rank, b: (n,). sketch: None means SRDCT(). m: rows of the sketch, 8 d by default. Needs the whole table, and
    costs an exact solution and n_draws sketches: try it on a part of the rows. Errors: UserError for m at most d, and for a table without a
    residual.

    >>> rng = np.random.default_rng(0)
    >>> A, b = rng.standard_normal((512, 4)), rng.standard_normal(512)
    >>> quality = sketch_quality(A, b, m=64, random_state=0)
    >>> bool(np.median(quality.largest) < 2 and quality.distortion.max() < 1)
    True
    """
    A, sketch = finite_matrix(A, "A"), SRDCT() if sketch is None else sketch  # noqa: N806
    b = finite_targets(b, len(A), "b").reshape(len(A), -1)[:, 0]
    num, columns = A.shape
    m = 8 * columns if m is None else m
    if not columns < m <= num:
        raise UserError(f"m={m!r} must be above the {columns} columns and at most the {num} rows")
    if n_draws < 1:
        raise UserError(f"n_draws={n_draws!r} must be at least 1")
    demand_full_rank(A, "A", "leave columns out")
    Q, R = scipy.linalg.qr(A, mode="economic")  # noqa: N806
    exact = scipy.linalg.solve_triangular(R, Q.T @ b)
    rest = b - A @ exact
    length = np.linalg.norm(rest)
    if length <= 1e-12 * np.linalg.norm(b):
        raise UserError("b lies in the span of A's columns, so every sketch gives the exact solution")
    rng = np.random.default_rng(random_state)
    unit = np.sqrt(np.log(2 * columns) / (m - columns)) * length / np.linalg.svd(R, compute_uv=False)[-1]
    inside = Q @ (np.ones(columns) / np.sqrt(columns))  # fixed before S is drawn, as the bound requires
    found: list[tuple[float, ...]] = []
    for _ in range(n_draws):
        sketched = sketch.apply(np.column_stack([Q, b, rest / length]), m, rng)
        basis, targets, outside = sketched[:, :columns], sketched[:, columns], sketched[:, columns + 1]
        squares = np.linalg.svd(basis, compute_uv=False) ** 2
        product = np.sqrt(m) * abs(basis @ (Q.T @ inside) @ outside)  # the two are orthogonal, so g'h is 0
        if squares[-1] < 1e-20:
            found.append((np.abs(squares - 1).max(), product, np.inf, np.inf))
            continue
        solution = scipy.linalg.solve_triangular(R, np.linalg.lstsq(basis, targets, rcond=None)[0])
        ratio, largest = np.linalg.norm(b - A @ solution) / length, np.abs(solution - exact).max() / unit
        found.append((np.abs(squares - 1).max(), product, float(ratio), largest))
    return SketchQuality(m, *np.array(found).T)
