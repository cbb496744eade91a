"""Squared error: the network predicts the mean."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from foretell.numbers.targets.point import PointTarget


@dataclass(eq=False, repr=False)
class MSE(PointTarget):
    """One output, trained by squared error: the baseline for all other targets. It predicts the mean; the gradient of outliers is not
    bounded.

    >>> import numpy as np, torch
    >>> target = MSE()
    >>> code = target.fit(np.array([1.0, 3.0]))
    >>> target.mean(code, torch.tensor([[0.0], [1.0]])).tolist()
    [2.0, 3.0]
    """

    def row_losses(self, outputs: Tensor, encoded: Tensor) -> Tensor:
        return (outputs[:, 0] - encoded).square()
