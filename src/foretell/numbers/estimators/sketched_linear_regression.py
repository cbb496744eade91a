"""`SketchedLinearRegression`: least squares on a random sketch of a very tall table, with error bars."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from foretell.errors import UserError
from foretell.numbers.linear.collinear import are_combinations, later_combinations, warn_of_left_out, widen, without
from foretell.numbers.linear.error_bars import exact_estimate, fit_report, refined_estimate, sketched_estimate
from foretell.numbers.linear.sketched_system import TableRows, fit_sketched
from foretell.numbers.linear.sketches.base import Sketch
from foretell.numbers.linear.sketches.srdct import SRDCT
from foretell.numbers.linear.systems import DependentColumnsError
from foretell.parts import require


@dataclass(eq=False, repr=False)
class SketchedLinearRegression(MultiOutputMixin, RegressorMixin, BaseEstimator):
    """Solves S X c = S y, with m random mixtures of the rows, instead of X c = y. Error bars are for the distance to the *exact
    least-squares fit*, not for the distance of y from the line.

    sketch: a component of `foretell.numbers.linear.sketches`; None is SRDCT(). m: rows of the sketch; None is 8 a column. With fewer than D
    log D, transforms can miss a column of tables with a regular pattern, which is an error, never a wrong answer. refine: passes of
    conjugate gradients over the table afterwards; 20 give the exact fit. n_repeats: independent sketches, whose mean is taken.
    collinear: "error" refuses columns that are combinations of others (of those before them, or of the intercept, such as the last level
    of a category); "drop" leaves these out with a warning, and their coefficients are 0. random_state: an int gives identical results.

    Guarantee: for the sketched system with Gaussian(), (c - exact c) / coef_std_ has Student's t distribution with m - D degrees of
    freedom, where D counts the columns with the intercept. The other dense sketches did so in all measurements. Bounds for single
    coefficients are proved with D^(1+o(1)) rows (Price, Song, Woodruff, ICALP 2017); that D times a power of log n suffice is claimed by
    Song, Ye, Yin, Zhang (ICML 2023), whose published proof has a gap. CountSketch() invalidates the bars where few rows carry much weight.
    A bar is for a coefficient or row chosen before the sketch is drawn; for the worst of many, widen it.
    Cost: n log n a column (SRDCT), then QR of m rows; memory of the table and m rows, for `fit_chunks` of a chunk and m rows.

    Attributes: coef_ (d,) or (k, d), intercept_, coef_std_, intercept_std_ (standard errors, of the same shapes; after refining: bounds),
    coef_bound_ (number or (k,): 2 sqrt(log(2 D) / (m - D)) |r| / s with the residual r and least singular value s of the sketch, for all
    coefficients of a centred table at once), coef_spread_ (empirical standard error over repeats, or None), mean_, covariance_,
    error_scale_, report_ (sizes, seconds, "exact", residual, expected residual ratio).

    Fewer than 2 m rows are solved exactly, with a warning and report_["exact"]. Errors: TypeError for sparse X where the sketch is dense;
    UserError for m < D + 1, for columns that are combinations of others where they are refused or come in chunks, and for a sketch that
    makes them so, by name.

    >>> X = np.random.default_rng(0).standard_normal((4000, 3))
    >>> model = SketchedLinearRegression(random_state=0).fit(X, X @ [1.0, 2.0, 3.0] + 4)
    >>> model.coef_.round(9).tolist(), round(float(model.intercept_), 9)
    ([1.0, 2.0, 3.0], 4.0)
    """

    papers = ("sketched-regression",)
    names_columns: ClassVar[bool] = True
    CHECKS_NOT_MET: ClassVar[dict[str, str]] = {
        "check_sample_weight_equivalence_on_dense_data": "has fewer rows than columns, which is refused: coefficients are not determined",
    }

    sketch: Any = None
    m: int | None = None
    refine: int = 0
    n_repeats: int = 1
    fit_intercept: bool = True
    collinear: str = "drop"
    random_state: Any = None

    @classmethod
    def examples(cls) -> list[SketchedLinearRegression]:
        """Small settings for checks."""
        return [cls(random_state=0), cls(fit_intercept=False, refine=3, n_repeats=2, random_state=0)]

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> SketchedLinearRegression:  # noqa: N803
        """Fit to X (n, d), also sparse where the sketch takes it, and y (n,) or (n, k). sample_weight: (n,), 0 or above."""
        sketch, rows = self._settings(), self._checked((X, y, sample_weight), start=True)
        m = self._num_rows(rows.X.shape[1] + bool(self.fit_intercept))
        drawn, given = (None, len(rows)) if len(rows) < 2 * m else (sketch, m)
        if drawn is None:
            warnings.warn(
                f"SketchedLinearRegression: {len(rows)} rows are fewer than 2 m = {2 * m}, so they were solved exactly (report_['exact'])",
                stacklevel=2,
            )
        names, intercept = getattr(self, "feature_names_in_", None), bool(self.fit_intercept)
        try:
            return self._fit([rows], drawn, given, rows, names)
        except DependentColumnsError as error:
            dropped = later_combinations(error.matrix, intercept)
            if self.collinear == "error" or not are_combinations(rows, dropped, error.matrix, intercept):
                raise  # where the sketch alone lacks them, no column is to blame
        warn_of_left_out(dropped if names is None else names[dropped].tolist())
        self._fit([rows := without(rows, dropped)], drawn, given, rows, None if names is None else np.delete(names, dropped))
        widen(self, dropped)
        return self

    def fit_chunks(self, chunks: Iterable[Sequence[Any]]) -> SketchedLinearRegression:
        """Fit to chunks, (X, y) or (X, y, sample_weight), each best of m rows or more, and each read once, so that `refine` is not
        possible. Every chunk has a block of S of its own: S = [S_1 S_2 ...]. Gaussian and CountSketch have the same distribution as on the
        whole table; SRHT is nearly block SRHT (Balabanov, Beaupère, Grigori, Lederer, ICML 2023), whose blocks keep the same rows."""
        sketch = self._settings()
        require(self.refine == 0, self, "refine", self.refine, "needs several passes over the rows; take fit, or refine=0")
        source = iter(chunks)
        begin = next(source, None)
        if begin is None:
            raise UserError("SketchedLinearRegression: chunks is empty; give at least one (X, y)")
        first = self._checked(begin, start=True)
        m = self._num_rows(first.X.shape[1] + bool(self.fit_intercept))
        self._fit(chain([first], map(self._checked, source)), sketch, m, first, getattr(self, "feature_names_in_", None))
        if self.report_["rows"] < 2 * m:
            raise UserError(f"SketchedLinearRegression: {self.report_['rows']} rows in all are fewer than 2 m = {2 * m}; take fit")
        return self

    def predict(self, X: Any, return_std: bool = False) -> Any:  # noqa: N803
        """(n,) or (n, k). return_std: also, in the same shape, the standard error relative to the exact least-squares prediction."""
        check_is_fitted(self, "coef_")
        X = validate_data(self, X, accept_sparse="csr", reset=False, dtype=np.float64)  # noqa: N806
        found = X @ self.coef_.T + self.intercept_
        if not return_std:
            return found
        rows = np.asarray(X.toarray() if hasattr(X, "toarray") else X) - self.mean_
        rows = np.hstack([rows, np.ones((len(rows), 1))]) if self.fit_intercept else rows
        sizes = np.sqrt(np.einsum("ij,ij->i", rows @ self.covariance_, rows))
        return found, sizes * self.error_scale_[0] if found.ndim == 1 else np.outer(sizes, self.error_scale_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = self._sketch().takes_sparse
        return tags

    def _sketch(self) -> Sketch:
        return SRDCT() if self.sketch is None else self.sketch

    def _settings(self) -> Sketch:
        for name, least in (("refine", 0), ("n_repeats", 1)):
            value = getattr(self, name)
            good = isinstance(value, int | np.integer) and int(value) >= least
            require(good, self, name, value, f"must be a whole number, at least {least}")
        require(self.collinear in ("drop", "error"), self, "collinear", self.collinear, 'must be "drop" or "error"')
        remedy = "must be a sketch, such as SRDCT() of foretell.numbers.linear.sketches.srdct"
        require(isinstance(self._sketch(), Sketch), self, "sketch", self.sketch, remedy)
        return self._sketch()

    def _num_rows(self, columns: int) -> int:
        m = 8 * columns if self.m is None else self.m
        remedy = f"must be a whole number above the {columns} columns (the intercept is one), better {8 * columns}"
        require(isinstance(m, int | np.integer) and int(m) > columns, self, "m", m, remedy)
        return int(m)

    def _checked(self, chunk: Sequence[Any], start: bool = False) -> TableRows:
        X, y, weight = (*chunk, None)[:3]  # noqa: N806
        if hasattr(X, "toarray") and not self._sketch().takes_sparse:
            raise TypeError(
                f"SketchedLinearRegression: X is sparse, and sketch={self._sketch()!r} would make it dense; take sketch=CountSketch(), "
                "or give X.toarray()"
            )
        options: dict[str, Any] = {"accept_sparse": "csr", "multi_output": True, "y_numeric": True, "dtype": np.float64}
        X, y = validate_data(self, X, y, reset=start, ensure_min_samples=1 + start, **options)  # noqa: N806
        y = np.asarray(y, dtype=np.float64)
        flat, y, root = y.ndim == 1, y.reshape(len(y), -1), None
        if weight is not None:
            weight = _check_sample_weight(weight, X, dtype=np.float64, ensure_non_negative=True)
            kept = weight > 0
            if not kept.any():
                raise UserError("SketchedLinearRegression: sample_weight has no row above 0; give at least one")
            X, y, root = X[kept], y[kept], np.sqrt(weight[kept])[:, None]  # noqa: N806
        return TableRows(X, y, root, flat)

    def _fit(self, chunks: Iterable[TableRows], sketch: Sketch | None, m: int, first: TableRows, names: Any) -> SketchedLinearRegression:
        rng = np.random.default_rng(check_random_state(self.random_state).randint(2**31))
        repeats = 1 if sketch is None else self.n_repeats
        fit = fit_sketched(chunks, sketch, m, repeats, bool(self.fit_intercept), rng, names, type(self).__name__)
        begin = time.perf_counter()
        if sketch is None:
            found = exact_estimate(fit)
        elif self.refine:
            found = refined_estimate(fit, m, first, self.refine, bool(self.fit_intercept))
            fit.seconds["refine"] = time.perf_counter() - begin
        else:
            found = sketched_estimate(fit, m)
        columns, num = len(found.coefficients), len(fit.mean)
        units, centre = np.eye(num, columns), np.hstack([-fit.mean, 1.0])[None, :columns]

        def shaped(values: np.ndarray) -> Any:
            return values[0] if first.flat else values

        self.coef_ = shaped(found.coefficients[:num].T)
        self.coef_std_ = shaped(found.deviations(units).T)
        self.coef_spread_ = None if found.spread is None else shaped(found.spread[:num].T)
        self.coef_bound_ = shaped(found.bound)
        slope = found.coefficients[num] if self.fit_intercept else 0.0
        self.intercept_ = shaped(slope + fit.y_mean - fit.mean @ found.coefficients[:num])
        self.intercept_std_ = shaped(found.deviations(centre)[0] * bool(self.fit_intercept))
        self.mean_, self.covariance_, self.error_scale_ = fit.mean, found.covariance, found.scale
        self.report_ = fit_report(fit, found, m, sketch is None, self.refine)
        return self
