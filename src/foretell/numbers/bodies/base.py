"""The contract of bodies: the layers of a network below its last one."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from torch import nn

from foretell.numbers.component import Component
from foretell.numbers.input_spec import InputSpec


@dataclass(eq=False, repr=False)
class Body(Component):
    """Abstract: makes the layers that turn a standardised row of X into a representation."""

    @abstractmethod
    def build(self, inputs: InputSpec) -> tuple[nn.Module, int]:
        """The untrained layers, and the width of what they put out, (n, width), for n rows of X.

        inputs: what a row is. The layers take one argument, nested alike (`batches.Batch`): a tensor (n, *shape) for an array, a `Ragged`
        where rows have different lengths, a dict for several arrays. A body for plain tables asks `input_spec.flat_width`, which refuses
        anything else. Random numbers are torch's own, which the estimator has seeded. Layers whose outputs may be matched between two
        networks are modules of their own.
        """
