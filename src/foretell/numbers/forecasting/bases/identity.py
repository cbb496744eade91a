"""`IdentityBasis`: no transform."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from foretell.numbers.forecasting.bases.base import Basis


@dataclass(eq=False, repr=False)
class IdentityBasis(Basis):
    """The time steps as they are: the baseline without a transform."""

    def fit(self, rows: np.ndarray, length: int) -> np.ndarray:
        return np.eye(length)
