"""The contract of bases: the axes in which a network sees a window."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from foretell.numbers.component import Component


@dataclass(eq=False, repr=False)
class Basis(Component):
    """Abstract: an orthogonal matrix for windows of one length. With Q, a window x becomes Q x, and comes back as Q' (Q x)."""

    @abstractmethod
    def fit(self, rows: np.ndarray, length: int) -> np.ndarray:
        """Q (length, length), float64, a basis vector a row, from training rows (T, N)."""
