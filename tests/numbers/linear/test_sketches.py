"""Sketches: the scale (S'S is I in the mean), the same seed, the same S for two matrices, and what they are made of."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import hadamard
from scipy.sparse import csr_array

from foretell.numbers.linear.sketches.countsketch import CountSketch
from foretell.numbers.linear.sketches.gaussian import Gaussian
from foretell.numbers.linear.sketches.hadamard import hadamard_transform, padded_length
from foretell.numbers.linear.sketches.pooled import Pooled
from foretell.numbers.linear.sketches.srct import SRCT
from foretell.numbers.linear.sketches.srdct import SRDCT
from foretell.numbers.linear.sketches.srht import SRHT

DENSE = [SRHT(), SRDCT(workers=1), SRCT(workers=1), Gaussian(), Pooled()]
ALL = [*DENSE, CountSketch()]


@pytest.mark.parametrize("sketch", ALL, ids=str)
@pytest.mark.parametrize(("num_rows", "m"), [(12, 5), (5, 8)])
def test_gram_is_the_identity_in_the_mean(sketch, num_rows, m):
    """Within 4 standard errors of 2,000 draws, each entry; a wrong scale would not be seen in coefficients, but in bounds."""
    rng = np.random.default_rng(0)
    drawn = np.array([sketch.apply(np.eye(num_rows), m, rng) for _ in range(2000)])
    grams = drawn.transpose(0, 2, 1) @ drawn
    for sample, wanted in ((grams, np.eye(num_rows)), (drawn, np.zeros((m, num_rows)))):  # and of S itself: 0, so that chunks add up
        error = sample.std(axis=0) / np.sqrt(len(sample))
        assert np.all(np.abs(sample.mean(axis=0) - wanted) <= 4 * error + 1e-12)


@pytest.mark.parametrize("sketch", ALL, ids=str)
def test_the_same_seed_gives_the_same_bits_and_one_draw_serves_two_matrices(sketch, rng):
    rows = rng.standard_normal((70, 20))
    first = sketch.apply(rows, 30, np.random.default_rng(3))
    np.testing.assert_array_equal(first, sketch.apply(rows, 30, np.random.default_rng(3)))
    assert np.abs(first - sketch.apply(rows, 30, np.random.default_rng(4))).max() > 0.1
    drawn = sketch.draw(70, 30, np.random.default_rng(3))
    np.testing.assert_allclose(np.hstack([drawn(rows[:, :3]), drawn(rows[:, 3:])]), first, atol=1e-12)
    np.testing.assert_allclose(drawn(np.asfortranarray(rows)), first, atol=1e-12)


@pytest.mark.parametrize("sketch", DENSE, ids=str)
def test_dense_sketches_mix_every_row_into_all(sketch):
    drawn = sketch.apply(np.eye(64), 16, np.random.default_rng(0))
    assert np.mean(np.abs(drawn) > 1e-12) > 0.25  # pooled: a row of S per group


def test_countsketch_has_one_entry_a_column_and_keeps_sparse_tables_sparse(rng):
    drawn = CountSketch().apply(np.eye(64), 16, np.random.default_rng(0))
    np.testing.assert_array_equal(np.sum(drawn != 0, axis=0), 1)
    rows = rng.standard_normal((64, 4)) * (rng.uniform(size=(64, 4)) < 0.2)
    found = CountSketch().apply(csr_array(rows), 16, np.random.default_rng(0))
    np.testing.assert_allclose(found, drawn @ rows, atol=1e-12)


@pytest.mark.parametrize("bits", range(13))
def test_hadamard_transform(bits, rng):
    rows = rng.standard_normal((3, 2**bits))
    np.testing.assert_allclose(hadamard_transform(rows), rows @ hadamard(2**bits), atol=1e-10)


def test_hadamard_lengths():
    assert [padded_length(num) for num in (1, 2, 3, 1024, 1025, np.int32(2**30 + 1))] == [1, 2, 4, 1024, 2048, 2**31]
    with pytest.raises(ValueError, match=r"length 6.*pad them to 8"):
        hadamard_transform(np.ones((1, 6)))


@pytest.mark.parametrize("sketch", ALL, ids=str)
def test_bad_sizes(sketch):
    with pytest.raises(ValueError, match=r"m=0 must be"):
        sketch.draw(5, 0, np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"num_rows=0 must be"):
        sketch.draw(0, 5, np.random.default_rng(0))
