"""Base of targets with one output: the standardised number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from foretell.numbers.level import Level
from foretell.numbers.targets.base import NumberTarget


@dataclass(eq=False, repr=False)
class PointTarget(NumberTarget):
    """Abstract: one output, the number in training standard deviations from the training mean. It has a point and no distribution. A
    subclass implements `row_losses`. The code: centre, scale (1 where all targets are equal)."""

    def fit(self, y: np.ndarray, sample_weight: np.ndarray | None = None) -> dict[str, Any]:
        level, _ = Level.of(np.asarray(y, dtype=np.float64), sample_weight)
        return {"centre": level.centre, "scale": level.scale}

    def width(self, code: dict[str, Any]) -> int:
        return 1

    def encode(self, code: dict[str, Any], y: np.ndarray) -> Tensor:
        return torch.as_tensor((y - code["centre"]) / code["scale"], dtype=torch.float32)

    def mean(self, code: dict[str, Any], outputs: Tensor) -> Tensor:
        return outputs[:, 0] * code["scale"] + code["centre"]
