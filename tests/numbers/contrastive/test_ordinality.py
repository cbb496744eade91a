"""How ordered a representation is."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from foretell.numbers.contrastive.ordinality import ordinality


def test_a_line_is_ordered_and_noise_is_not(rng):
    y = rng.standard_normal(300)
    line, noise = ordinality(np.stack([y, 0 * y], axis=1), y), ordinality(rng.standard_normal((300, 4)), y)
    assert line.spearman == pytest.approx(1.0)
    assert line.neighbour_spread < 0.03
    assert abs(noise.spearman) < 0.1
    assert noise.neighbour_spread == pytest.approx(1.0, abs=0.1)


def test_it_is_its_definition(rng):
    points, y = rng.standard_normal((20, 3)), rng.standard_normal(20)
    pairs = [(i, j) for i in range(20) for j in range(i)]
    between, labels = [np.linalg.norm(points[i] - points[j]) for i, j in pairs], [abs(y[i] - y[j]) for i, j in pairs]
    near = [sorted((np.linalg.norm(points[i] - points[j]), j) for j in range(20) if j != i)[:2] for i in range(20)]
    spread = np.mean([abs(y[i] - y[j]) for i in range(20) for _, j in near[i]]) / np.mean(labels)
    found = ordinality(points, y, num_neighbours=2)
    assert found.spearman == pytest.approx(spearmanr(between, labels).statistic)
    assert found.neighbour_spread == pytest.approx(spread)


def test_a_representation_that_is_one_point_has_no_order():
    assert ordinality(np.ones((10, 2)), np.arange(10.0)).spearman == 0.0


def test_many_rows_are_thinned_out(rng):
    y = rng.standard_normal(900)
    noisy = (y + rng.standard_normal(900))[:, None]
    assert ordinality(noisy, y, max_rows=300).spearman == pytest.approx(ordinality(noisy, y, max_rows=900).spearman, abs=0.07)


@pytest.mark.parametrize(
    ("y", "options", "says"),
    [
        (np.ones(9), {}, "at least two different"),
        (np.arange(9.0), {"num_neighbours": 9}, "num_neighbours=9"),
        (np.arange(8.0), {}, "inconsistent"),
    ],
)
def test_bad_input(y, options, says):
    with pytest.raises(ValueError, match=says):
        ordinality(np.ones((9, 1)), y, **options)
