"""Runs a fitted network over many rows."""

from __future__ import annotations

import copy
from contextlib import nullcontext

import torch
from torch import Tensor, nn

from foretell.models.one_thread import one_thread
from foretell.numbers.batches import Batch, first_tensor, in_parts, to_double

#: Parameters of a network that is run on one thread.
SMALL = 1_000_000


def outputs_of(network: nn.Module, inputs: Batch, rows: int) -> Tensor:
    """The network's outputs (n, ...) for `inputs` (n rows), `rows` at a time, on the CPU; in float64 where the device has it, so that a
    row's output does not feel the rows beside it."""
    if first_tensor(inputs).device.type != "mps":
        network, inputs = copy.deepcopy(network).double(), to_double(inputs)
    small = sum(parameter.numel() for parameter in network.parameters()) <= SMALL
    with torch.no_grad(), one_thread() if small else nullcontext():
        return torch.cat([network(part).cpu() for part in in_parts(inputs, rows)])
