"""`CorrNormLin`: NormLin with the correlation of the series as its matrix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from foretell.numbers.forecasting.mixers.base import FixedMixer, Mixer


@dataclass(eq=False, repr=False)
class CorrNormLin(Mixer):
    """The row-wise softmax of the training rows' correlation between series; the matrix is not learnt.

    Yue et al., "OLinear: A Linear Model for Time Series Forecasting in Orthogonally Transformed Domain": the variant OLinear-C.
    """

    papers = ("olinear",)

    def build(self, correlation: np.ndarray, width: int, dropout: float) -> FixedMixer:
        return FixedMixer(torch.softmax(torch.as_tensor(correlation, dtype=torch.float32), dim=1), width, dropout)
