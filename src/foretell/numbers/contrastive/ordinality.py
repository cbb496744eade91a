"""`ordinality`: how well a representation is ordered by its labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import check_array, check_consistent_length, check_random_state

from foretell.errors import UserError


@dataclass(frozen=True)
class Ordinality:
    """spearman: rank correlation, over all pairs of rows, of the distance between representations and the distance between labels; 1 is a
    perfect order, 0 none (also where all representations are equal). neighbour_spread: mean distance between the label of a row and those
    of its nearest neighbours, in units of the mean distance between two labels; 0 is perfect, 1 is chance."""

    spearman: float
    neighbour_spread: float


def ordinality(
    representation: np.ndarray, y: np.ndarray, num_neighbours: int = 5, max_rows: int = 1000, random_state: object = 0
) -> Ordinality:
    """representation: (n, d). y: (n,). num_neighbours: by Euclidean distance. max_rows: more rows are subsampled at random, since there are
    n * n / 2 pairs. Errors: UserError for constant y and for too few rows.

    >>> line = np.arange(20.0)
    >>> round(ordinality(line[:, None], 3 * line).spearman, 6)
    1.0
    """
    representation, y = check_array(representation, dtype=float), check_array(y, ensure_2d=False, dtype=float)
    check_consistent_length(representation, y)
    if y.ndim != 1 or not np.ptp(y) > 0:
        raise UserError(f"y of shape {y.shape} must be one column with at least two different numbers")
    if not 1 <= num_neighbours < len(y):
        raise UserError(f"num_neighbours={num_neighbours!r} must be at least 1 and below the {len(y)} rows")
    if len(y) > max_rows:
        kept = check_random_state(random_state).choice(len(y), max_rows, replace=False)
        representation, y = representation[kept], y[kept]
    distances = pdist(y[:, None])
    near = NearestNeighbors(n_neighbors=num_neighbours).fit(representation).kneighbors(return_distance=False)
    spread = np.abs(y[near] - y[:, None]).mean() / distances.mean()
    between = pdist(representation)
    correlation = float(spearmanr(between, distances).statistic) if np.ptp(between) > 0 else 0.0
    return Ordinality(correlation, float(spread))
