"""Weights of the samples in the denominator of a contrastive loss, by the distance of their labels."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from foretell.numbers.component import Component
from foretell.parts import require


@dataclass(eq=False, repr=False)
class Weight(Component):
    """Abstract: weights (n, m) from distances between labels (n, m), 1 at distance 0. Distances are of standardised labels."""

    @abstractmethod
    def __call__(self, distance: Tensor) -> Tensor:
        """The weights, at least 1."""


@dataclass(eq=False, repr=False)
class Distance(Weight):
    """1 + factor * distance: samples with distant labels weigh more (Wu et al., "Mixup Your Own Pairs", 2023, distance magnifying).

    factor: the increase for a distance of one standard deviation. The paper's labels are years, whose standard deviation is 10 to 20.

    >>> Distance(2.0)(torch.tensor([0.0, 1.5])).tolist()
    [1.0, 4.0]
    """

    papers = ("supremix",)

    factor: float = 3.0

    def __call__(self, distance: Tensor) -> Tensor:
        require(self.factor > 0, self, "factor", self.factor, "must be above 0; take Even() for equal weights")
        return 1 + self.factor * distance


@dataclass(eq=False, repr=False)
class SquaredDistance(Weight):
    """1 + (factor * distance) squared.

    >>> SquaredDistance(2.0)(torch.tensor([0.0, 1.5])).tolist()
    [1.0, 10.0]
    """

    factor: float = 3.0

    def __call__(self, distance: Tensor) -> Tensor:
        require(self.factor > 0, self, "factor", self.factor, "must be above 0; take Even() for equal weights")
        return 1 + (self.factor * distance).square()


@dataclass(eq=False, repr=False)
class Even(Weight):
    """1 for all: contrastive learning without order.

    >>> Even()(torch.tensor([0.0, 1.5])).tolist()
    [1.0, 1.0]
    """

    def __call__(self, distance: Tensor) -> Tensor:
        return torch.ones_like(distance)
