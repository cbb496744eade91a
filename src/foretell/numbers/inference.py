"""Runs a fitted network over many rows."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


def outputs_of(network: nn.Module, inputs: Tensor, rows: int) -> Tensor:
    """The network's outputs for `inputs` (n, ...), `rows` at a time, on the CPU; in float64 where the device has it, so that a row's
    output does not feel the rows beside it."""
    if inputs.device.type != "mps":
        network, inputs = copy.deepcopy(network).double(), inputs.double()
    with torch.no_grad():
        return torch.cat([network(part).cpu() for part in inputs.split(rows)])
