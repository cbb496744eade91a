"""`DCT`: the discrete cosine transform."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from foretell.numbers.forecasting.bases.base import Basis


@dataclass(eq=False, repr=False)
class DCT(Basis):
    """Cosines of increasing frequency (DCT-II, orthonormal), which approximately decorrelate strongly dependent series.

    >>> DCT().fit(np.zeros((0, 1)), 2).round(3).tolist()
    [[0.707, 0.707], [0.707, -0.707]]
    """

    def fit(self, rows: np.ndarray, length: int) -> np.ndarray:
        from scipy.fft import dct

        return dct(np.eye(length), axis=0, norm="ortho")
