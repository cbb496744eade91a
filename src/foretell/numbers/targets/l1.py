"""Absolute error: the network predicts the median."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from foretell.numbers.targets.point import PointTarget


@dataclass(eq=False, repr=False)
class L1(PointTarget):
    """One output, trained by absolute error: it predicts the median, and the gradient of a row has the same size whatever its residual.

    >>> import numpy as np, torch
    >>> target = L1()
    >>> code = target.fit(np.array([1.0, 3.0]))
    >>> target.row_losses(torch.tensor([[0.0], [3.0]]), target.encode(code, np.array([1.0, 3.0]))).tolist()
    [1.0, 2.0]
    """

    def row_losses(self, outputs: Tensor, encoded: Tensor) -> Tensor:
        return (outputs[:, 0] - encoded).abs()
