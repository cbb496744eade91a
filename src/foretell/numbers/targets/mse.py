"""The plain way: one output, squared error."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from foretell.numbers.targets.point import PointTarget


@dataclass(eq=False, repr=False)
class MSE(PointTarget):
    """One output trained by squared error: the baseline of all others. It says the mean, and a far-off target draws without bound.

    >>> import numpy as np, torch
    >>> target = MSE()
    >>> code = target.fit(np.array([1.0, 3.0]))
    >>> target.mean(code, torch.tensor([[0.0], [1.0]])).tolist()
    [2.0, 3.0]
    """

    def row_losses(self, outputs: Tensor, encoded: Tensor) -> Tensor:
        return (outputs[:, 0] - encoded).square()
