"""`Mean`: the mean over all series."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from foretell.numbers.forecasting.mixers.base import FixedMixer, Mixer


@dataclass(eq=False, repr=False)
class Mean(Mixer):
    """A matrix with all entries 1/N: the simplest mixer."""

    def build(self, correlation: np.ndarray, width: int, dropout: float) -> FixedMixer:
        num = len(correlation)
        return FixedMixer(torch.full((num, num), 1 / num), width, dropout)
