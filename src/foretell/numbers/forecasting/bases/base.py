"""The contract of bases: orthogonal transforms of a window."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from foretell.numbers.component import Component


@dataclass(eq=False, repr=False)
class Basis(Component):
    """Abstract: an orthogonal matrix Q for windows of one length. A window x is transformed to Q x, and back by Q' (Q x)."""

    @abstractmethod
    def fit(self, rows: np.ndarray, length: int) -> np.ndarray:
        """Q (length, length), float64, one basis vector a row, from training rows (T, N)."""
