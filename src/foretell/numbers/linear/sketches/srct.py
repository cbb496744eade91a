"""`SRCT`: subsampled randomised circulant transform."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from foretell.numbers.linear.sketches.base import DrawnSketch, Sketch, signed_columns


@dataclass(eq=False, repr=False)
class SRCT(Sketch):
    """Random signs, a circulant matrix of random signs (by the FFT), m rows drawn without replacement, divided by sqrt(m). Rows are padded
    with zeros to a length that suits the FFT. workers: threads, -1 for all cores.

    Departure: the paper does not say which factor carries signs; here both do. Paper: Song, Ye, Yin, Zhang (ICML 2023), "subsampled
    randomized circulant transform".

    >>> rows = np.random.default_rng(0).standard_normal((500, 3))
    >>> SRCT().apply(rows, 100, np.random.default_rng(1)).shape
    (100, 3)
    """

    papers = ("sketched-regression",)

    workers: int = -1

    def _draw(self, num_rows: int, m: int, rng: np.random.Generator) -> DrawnSketch:
        padded = next_fast_len(max(num_rows, m), real=True)
        signs = rng.choice([-1.0, 1.0], size=num_rows)
        circulant = rfft(rng.choice([-1.0, 1.0], size=padded))
        kept = rng.choice(padded, size=m, replace=False)

        def sketch(M: np.ndarray) -> np.ndarray:  # noqa: N803
            result = np.empty((m, M.shape[1]))
            for place, part in signed_columns(M, signs, padded):
                spectrum = rfft(part, axis=1, workers=self.workers) * circulant
                result[:, place] = irfft(spectrum, n=padded, axis=1, workers=self.workers)[:, kept].T
            return result / np.sqrt(m)

        return sketch
