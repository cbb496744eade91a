"""The contract of bodies: the layers of a network below its last one."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from torch import nn

from foretell.numbers.component import Component


@dataclass(eq=False, repr=False)
class Body(Component):
    """Abstract: makes the layers that turn a row of standardised features into a representation."""

    @abstractmethod
    def build(self, num_features: int) -> tuple[nn.Module, int]:
        """The untrained layers, (n, num_features) -> (n, width), and their width. Random numbers are torch's own, which the
        estimator has seeded. Layers whose outputs may be matched between two networks are modules of their own."""
