"""Sketched systems: S times a tall table and its targets, and their least-squares solution."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg

from foretell.errors import UserError
from foretell.numbers.linear.sketches.base import Sketch
from foretell.numbers.linear.systems import demand_full_rank


@dataclass
class TableRows:
    """Rows of a table: X (n, d), y (n, k), root (n, 1), the square roots of their weights, or None. flat: y was given as (n,)."""

    X: Any
    y: np.ndarray
    root: np.ndarray | None = None
    flat: bool = False

    def __len__(self) -> int:
        return self.X.shape[0]

    def weighted(self) -> tuple[Any, np.ndarray]:
        """X, and y with a column of ones in front, each row times its root."""
        if self.root is None:
            return self.X, np.hstack([np.ones((len(self), 1)), self.y])
        scaled = self.X.multiply(self.root).tocsr() if hasattr(self.X, "multiply") else self.X * self.root
        return scaled, np.hstack([self.root, self.y * self.root])


@dataclass
class Solution:
    """coefficients: (D, k), the intercept last. factor: R (D, D) of the sketched design's QR. residual: (k,), lengths of the sketched
    residuals."""

    coefficients: np.ndarray
    factor: np.ndarray
    residual: np.ndarray

    def inverse_gram(self) -> np.ndarray:
        """(R'R)^-1, (D, D)."""
        return scipy.linalg.cho_solve((self.factor, False), np.eye(len(self.factor)))

    def least(self) -> float:
        """The least singular value of the sketched design."""
        return float(np.linalg.svd(self.factor, compute_uv=False)[-1])


class SketchedSystem:
    """S [X 1 y], a running sum over chunks of rows, each with its own independent block of S: memory m (d + k + 1), whatever the number of
    rows."""

    def __init__(self, sketch: Sketch | None, m: int) -> None:
        """sketch: None keeps the rows as they are, for one chunk."""
        self.sketch, self.m = sketch, m
        self.parts: list[np.ndarray] | None = None

    def add(self, rows: TableRows, rng: np.random.Generator) -> None:
        """Add a chunk of rows with a block of S drawn from `rng`. UserError where y has another number of targets than before."""
        matrices = rows.weighted()
        have, had = [[part.shape[1] for part in parts or matrices] for parts in (matrices, self.parts)]
        if have != had:
            raise UserError(f"a chunk has y for {have[1] - 1} targets, the first had {had[1] - 1}")
        if self.sketch is None:
            found = [np.asarray(matrix.toarray() if hasattr(matrix, "toarray") else matrix) for matrix in matrices]
        else:
            drawn = self.sketch.draw(len(rows), self.m, rng)
            found = [drawn(matrix) for matrix in matrices]
        self.parts = found if self.parts is None else [np.add(part, more, out=part) for part, more in zip(self.parts, found)]

    def solve(self, mean: np.ndarray | None, y_mean: np.ndarray | None, names: Sequence[str] | None, owner: str) -> Solution:
        """mean (d,), y_mean (k,): the centring of columns, with a column of ones; None fits no intercept. UserError naming columns that are
        combinations of others."""
        assert self.parts is not None
        design, (ones, targets) = self.parts[0], np.split(self.parts[1], [1], axis=1)
        raw = design if mean is None else np.hstack([design, ones])
        if mean is not None and y_mean is not None:
            design, targets = np.hstack([design - ones * mean, ones]), targets - ones * y_mean
        basis, factor = scipy.linalg.qr(design, mode="economic", check_finite=False)
        if len(raw) > raw.shape[1]:  # the rank of the small factor is that of the system; uncentred, where constant columns show
            raw = factor if mean is None else np.hstack([factor[:, :-1] + factor[:, -1:] * mean, factor[:, -1:]])
        named = None if names is None else [*names, "intercept"]
        remedy = "take collinear='drop', or an estimator with a penalty, such as Ridge"
        remedy += "" if self.sketch is None else "; or, where the table itself has full rank, a larger m or a dense sketch"
        demand_full_rank(raw, owner, remedy, named)
        inside = basis.T @ targets
        coefficients = scipy.linalg.solve_triangular(factor, inside, check_finite=False)
        return Solution(coefficients, factor, np.linalg.norm(targets - basis @ inside, axis=0))


@dataclass
class SketchedFit:
    """solutions: one a repeat. mean (d,), y_mean (k,): the centring, 0 without an intercept. seconds: of "sketch" and "solve"."""

    solutions: list[Solution]
    mean: np.ndarray
    y_mean: np.ndarray
    num_rows: int
    num_chunks: int
    seconds: dict[str, float]


def fit_sketched(
    chunks: Iterable[TableRows],
    sketch: Sketch | None,
    m: int,
    num_repeats: int,
    intercept: bool,
    rng: np.random.Generator,
    names: Sequence[str] | None,
    owner: str,
) -> SketchedFit:
    """Solve `num_repeats` sketched systems made in one pass over the chunks."""
    systems = [SketchedSystem(sketch, m) for _ in range(num_repeats)]
    num_rows = num_chunks = 0
    mass, total, y_total, seconds = 0.0, np.zeros(1), np.zeros(1), 0.0
    for rows in chunks:
        begin = time.perf_counter()
        for system in systems:
            system.add(rows, rng)
        weight = np.ones((len(rows), 1)) if rows.root is None else rows.root**2
        mass, total, y_total = mass + weight.sum(), total + (rows.X.T @ weight)[:, 0], y_total + (rows.y.T @ weight)[:, 0]
        num_rows, num_chunks = num_rows + len(rows), num_chunks + 1
        seconds += time.perf_counter() - begin
    mean, y_mean = total / mass, y_total / mass
    begin = time.perf_counter()
    centre = (mean, y_mean) if intercept else (None, None)
    solutions = [system.solve(centre[0], centre[1], names, owner) for system in systems]
    spent = {"sketch": seconds, "solve": time.perf_counter() - begin}
    return SketchedFit(solutions, mean * intercept, y_mean * intercept, num_rows, num_chunks, spent)
