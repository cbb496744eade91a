"""Base of targets that are masses on bins: a softmax over bins, trained by cross-entropy and decoded as its mean."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from foretell.numbers.distributions import Histogram, PredictiveDistribution
from foretell.numbers.targets.base import NumberTarget
from foretell.numbers.targets.support import Support


@dataclass(eq=False, repr=False)
class HistogramTarget(NumberTarget):
    """Abstract: a number is encoded as masses on the bins of `support` (None: `Support()`); a subclass says which masses.

    `row_losses` and `mean` work on the last dimension, whatever precedes it. The code: edges (m + 1,), prior (m,), the mean masses of the
    training targets, and what a subclass adds.
    """

    support: Support | None = None

    @abstractmethod
    def _lay(self, support: Support, y: np.ndarray) -> dict[str, Any]:
        """The code without its prior: {"edges": ...} and the settings that follow from these edges."""

    @abstractmethod
    def _masses(self, code: dict[str, Any], y: np.ndarray) -> np.ndarray:
        """(n, m), rows sum to 1, for y within the edges."""

    def masses(self, code: dict[str, Any], y: np.ndarray) -> np.ndarray:
        """(n, m) float64 masses that sum to 1. y: (n,). UserError for y outside the support, unless the support clips."""
        return self._masses(code, self._bins().place(code["edges"], y))

    def fit(self, y: np.ndarray, sample_weight: np.ndarray | None = None) -> dict[str, Any]:
        code = self._lay(self._bins(), y)
        placed = self._bins().place(code["edges"], y, warn=False)  # `encode` warns of them
        common = np.average(self._masses(code, placed), axis=0, weights=sample_weight)
        even = 1 / len(common)  # weight of one row: no bin has mass 0 because it was empty
        return {**code, "prior": (len(y) * common + even) / (len(y) + 1)}

    def width(self, code: dict[str, Any]) -> int:
        return len(code["edges"]) - 1

    def encode(self, code: dict[str, Any], y: np.ndarray) -> Tensor:
        return torch.as_tensor(self.masses(code, y), dtype=torch.float32)

    def row_losses(self, outputs: Tensor, encoded: Tensor) -> Tensor:
        return -(encoded * outputs.log_softmax(dim=-1)).sum(dim=-1)

    def row_errors(self, code: dict[str, Any], outputs: Tensor, encoded: Tensor) -> Tensor:
        """The absolute difference of the means, as a share of the support (float32 has no digits for a high level). Cross-entropy rises
        again when distributions become too sharp, long before means get worse; a temperature can correct sharpness later. Not squared, as
        outliers may be wrong values."""
        shares = torch.as_tensor(_shares(code), dtype=encoded.dtype, device=encoded.device)
        return (outputs.softmax(dim=-1) @ shares - encoded @ shares).abs()

    def error_unit(self, code: dict[str, Any]) -> float:
        shares, prior = _shares(code), np.asarray(code["prior"])
        return float(np.sqrt(prior @ (shares - prior @ shares) ** 2))

    def imitation(self, code: dict[str, Any], outputs: Tensor, others: Tensor) -> Tensor:
        """The cross-entropy of our distribution relative to the other one."""
        return self.row_losses(outputs, others.softmax(dim=-1))

    def mean(self, code: dict[str, Any], outputs: Tensor) -> Tensor:
        return outputs.softmax(dim=-1) @ _centres(code, outputs)

    def bias(self, code: dict[str, Any]) -> Tensor:
        return torch.as_tensor(np.log(code["prior"]), dtype=torch.float32)

    def distribution(self, code: dict[str, Any], outputs: Tensor) -> PredictiveDistribution:
        return Histogram(code["edges"], outputs.double().softmax(dim=-1).numpy())

    def _bins(self) -> Support:
        return Support() if self.support is None else self.support


def _shares(code: dict[str, Any]) -> np.ndarray:
    """The middle of each bin, as a share of the way through the support."""
    edges = np.asarray(code["edges"])
    return (edges[:-1] - edges[0] + np.diff(edges) / 2) / (edges[-1] - edges[0])


def _centres(code: dict[str, Any], like: Tensor) -> Tensor:
    edges = np.asarray(code["edges"])
    return torch.as_tensor((edges[:-1] + edges[1:]) / 2, dtype=like.dtype, device=like.device)
