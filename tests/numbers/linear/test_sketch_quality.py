"""What `sketch_quality` measures is what theory says of it."""

from __future__ import annotations

import numpy as np
import pytest

from foretell.numbers.linear.sketch_quality import sketch_quality
from foretell.numbers.linear.sketches.countsketch import CountSketch
from foretell.numbers.linear.sketches.gaussian import Gaussian
from foretell.numbers.linear.sketches.srht import SRHT


def table(rows: int = 1024, columns: int = 8) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.standard_normal((rows, columns)), rng.standard_normal(rows)


def test_figures_of_a_gaussian_sketch():
    A, b = table()  # noqa: N806
    found = sketch_quality(A, b, Gaussian(), m=128, n_draws=200, random_state=0)
    assert abs(np.sqrt(np.mean(found.residual_ratio**2)) / np.sqrt(1 + 8 / 120) - 1) < 0.01  # d / (m - d) more squared error
    assert 0.5 < np.mean(found.product**2) < 2  # of variance 1 for fixed orthogonal unit vectors
    assert np.quantile(found.largest, 0.95) < 2
    edge = (1 + np.sqrt(8 / 128)) ** 2 - 1  # where singular values end in the limit
    assert 0.5 * edge < np.median(found.distortion) < 1.5 * edge


def test_a_sparse_sketch_fails_in_one_coordinate_where_a_dense_one_does_not():
    """The identity's columns, and a right side on few rows: one collision puts a whole entry into one coefficient."""
    columns, m = 16, 512
    A = np.eye(2048, columns)  # noqa: N806
    b = np.zeros(2048)
    b[columns : columns + m // columns] = 1 / np.sqrt(m // columns)
    sparse = sketch_quality(A, b, CountSketch(), m=m, n_draws=60, random_state=0)
    dense = sketch_quality(A, b, SRHT(), m=m, n_draws=60, random_state=0)
    kept = np.isfinite(sparse.largest)
    assert not kept.all(), "two of the identity's columns fall into one bucket in about a fifth of the draws"
    assert np.isfinite(dense.largest).all()
    assert sparse.largest[kept].max() > 1.5 * dense.largest.max()


def test_the_same_seed_gives_the_same_bits():
    A, b = table(256, 3)  # noqa: N806
    one, two = (sketch_quality(A, b, n_draws=3, random_state=5) for _ in range(2))
    np.testing.assert_array_equal(one.largest, two.largest)
    assert "distortion" in str(one)


@pytest.mark.parametrize(
    ("options", "says"),
    [({"m": 3}, "m=3 must be above the 3 columns"), ({"m": 999}, "at most the 256 rows"), ({"n_draws": 0}, "n_draws=0")],
)
def test_bad_settings_are_refused(options, says):
    A, b = table(256, 3)  # noqa: N806
    with pytest.raises(ValueError, match=says):
        sketch_quality(A, b, **options)


def test_a_table_without_a_residual_is_refused():
    A, _ = table(256, 3)  # noqa: N806
    with pytest.raises(ValueError, match="every sketch gives the exact solution"):
        sketch_quality(A, A @ np.ones(3))
