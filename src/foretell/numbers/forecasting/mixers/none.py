"""`NoMixer`: no information passes between series."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from foretell.numbers.forecasting.mixers.base import Mixer


@dataclass(eq=False, repr=False)
class NoMixer(Mixer):
    """Each series is forecast independently, with shared weights ("channel-independent")."""

    def build(self, correlation: np.ndarray, width: int, dropout: float) -> None:
        return None
