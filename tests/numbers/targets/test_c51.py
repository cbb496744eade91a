"""The projection against the loop of the paper."""

from __future__ import annotations

import math

import numpy as np
import pytest

from foretell.numbers.targets.c51 import project


def by_the_papers_loop(low, high, num, values, masses):
    """Algorithm 1, with its rule for values that hit an atom mended (l == u would lose their mass)."""
    step = (high - low) / (num - 1)
    found = np.zeros(num)
    for value, mass in zip(values, masses, strict=True):
        place = (min(max(value, low), high) - low) / step
        lower, upper = math.floor(place), math.ceil(place)
        if lower == upper:
            found[lower] += mass
        else:
            found[lower] += mass * (upper - place)
            found[upper] += mass * (place - lower)
    return found


def test_it_is_the_papers_projection_of_a_bellman_target(rng):
    atoms = np.linspace(-10, 10, 51)
    masses = rng.dirichlet(np.ones(51), size=8)
    values = rng.uniform(-3, 3, 8)[:, None] + 0.9 * atoms
    found = project(atoms, values, masses)
    expected = [by_the_papers_loop(-10, 10, 51, *row) for row in zip(values, masses, strict=True)]
    np.testing.assert_allclose(found, expected, atol=1e-12)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    inside = project(atoms, 0.5 * values, masses)
    np.testing.assert_allclose(inside @ atoms, (0.5 * values * masses).sum(axis=1), atol=1e-12)


def test_masses_on_the_atoms_stay(rng):
    atoms = np.array([0.0, 1.0, 5.0])
    masses = rng.dirichlet(np.ones(3), size=4)
    np.testing.assert_allclose(project(atoms, np.tile(atoms, (4, 1)), masses), masses)


@pytest.mark.parametrize("atoms", [[0.0], [0.0, 0.0], [1.0, 0.0], [0.0, np.nan]])
def test_bad_atoms_are_refused(atoms):
    with pytest.raises(ValueError, match="atoms"):
        project(np.array(atoms), np.ones((1, 1)), np.ones((1, 1)))


@pytest.mark.parametrize("values", [[[np.nan]], [[1.0, 2.0]], [1.0]])
def test_bad_values_are_refused(values):
    with pytest.raises(ValueError, match="values"):
        project(np.array([0.0, 1.0]), np.array(values), np.ones((1, 1)))
