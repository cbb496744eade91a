"""Series that do not look at each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from foretell.numbers.forecasting.mixers.base import Mixer


@dataclass(eq=False, repr=False)
class NoMixer(Mixer):
    """Each series by itself, with weights that all share ("channel-independent")."""

    def build(self, correlation: np.ndarray, width: int, dropout: float) -> None:
        return None
