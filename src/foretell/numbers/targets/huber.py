"""Huber's loss: squared error for small residuals, absolute error for large ones."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import huber_loss

from foretell.numbers.targets.point import PointTarget
from foretell.parts import require


@dataclass(eq=False, repr=False)
class Huber(PointTarget):
    """One output, trained by squared error up to `delta` training standard deviations and by absolute error beyond, so that the gradient of
    outliers is bounded.

    Errors: UserError for delta not above 0. Paper: Huber, "Robust Estimation of a Location Parameter", Annals of Mathematical Statistics
    1964.

    >>> import torch
    >>> Huber(delta=1.0).row_losses(torch.tensor([[0.0], [0.0]]), torch.tensor([0.5, 3.0])).tolist()
    [0.125, 2.5]
    """

    papers = ("huber-loss",)

    delta: float = 1.0

    def row_losses(self, outputs: Tensor, encoded: Tensor) -> Tensor:
        require(self.delta > 0, self, "delta", self.delta, "must be above 0")
        return huber_loss(outputs[:, 0], encoded, delta=self.delta, reduction="none")
