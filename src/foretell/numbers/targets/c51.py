"""The categorical projection of C51: masses on any values, moved onto fixed atoms."""

from __future__ import annotations

import numpy as np

from foretell.errors import UserError


def project(atoms: np.ndarray, values: np.ndarray, masses: np.ndarray) -> np.ndarray:
    """Masses on the atoms, (n, m), from masses (n, k) on values (n, k). Each mass is split between the two nearest atoms so that its mean
    is kept; values beyond the ends go to the end. atoms: (m,), increasing, at any distances.

    In distributional value learning, `values = r[:, None] + gamma * atoms` with the masses of the next state give the training target.

    Guarantee: sums are kept, and means where all values lie within the atoms. Errors: UserError for atoms that do not increase, and for
    shapes that differ.

    Paper: Bellemare, Dabney and Munos, "A Distributional Perspective on Reinforcement Learning", ICML 2017, equation 7.

    >>> project(np.array([0.0, 1.0, 2.0]), np.array([[0.25, 5.0]]), np.array([[0.5, 0.5]])).tolist()
    [[0.375, 0.125, 0.5]]
    """
    atoms, values, masses = (np.asarray(each, dtype=np.float64) for each in (atoms, values, masses))
    if atoms.ndim != 1 or len(atoms) < 2 or not np.isfinite(atoms).all() or not np.all(np.diff(atoms) > 0):
        raise UserError(f"atoms={atoms!r} must be two or more finite, increasing numbers")
    if values.ndim != 2 or values.shape != masses.shape or not np.isfinite(values).all():
        raise UserError(f"values {values.shape} and masses {masses.shape} must have one shape (n, k), and values must be finite")
    values = np.clip(values, atoms[0], atoms[-1])
    right = np.clip(np.searchsorted(atoms, values), 1, len(atoms) - 1)
    share = (values - atoms[right - 1]) / (atoms[right] - atoms[right - 1])
    found = np.zeros((len(values), len(atoms)))
    rows = np.arange(len(values))[:, None]
    np.add.at(found, (rows, right - 1), masses * (1 - share))
    np.add.at(found, (rows, right), masses * share)
    return found
