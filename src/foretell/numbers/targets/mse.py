"""The plain way: one output, squared error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from foretell.numbers.targets.base import Target


@dataclass(eq=False, repr=False)
class MSE(Target):
    """One output, the standardised number itself, trained by squared error: the baseline of all others. Has a point, no law.

    >>> target = MSE()
    >>> code = target.fit(np.array([1.0, 3.0]))
    >>> target.mean(code, torch.tensor([[0.0], [1.0]])).tolist()
    [2.0, 3.0]
    """

    def fit(self, y: np.ndarray, sample_weight: np.ndarray | None = None) -> dict[str, Any]:
        centre = float(np.average(y, weights=sample_weight))
        scale = float(np.sqrt(np.average((y - centre) ** 2, weights=sample_weight)))
        return {"centre": centre, "scale": scale or 1.0}

    def width(self, code: dict[str, Any]) -> int:
        return 1

    def encode(self, code: dict[str, Any], y: np.ndarray) -> Tensor:
        return torch.as_tensor((y - code["centre"]) / code["scale"], dtype=torch.float32)

    def row_losses(self, outputs: Tensor, encoded: Tensor) -> Tensor:
        return (outputs[:, 0] - encoded).square()

    def mean(self, code: dict[str, Any], outputs: Tensor) -> Tensor:
        return outputs[:, 0] * code["scale"] + code["centre"]
