"""The name of the hardware that a model runs on, by which measured costs are stored."""

from __future__ import annotations

import functools
import os
import re

import torch

from foretell.models.base import Model


def machine_name(model: Model) -> str:
    """Processor, its number of cores and the model's threads; for another device than the CPU its name instead of the processor's.

    Machines of the same name may share measurements, wherever they run and whatever they are called.
    """
    device = model.device
    if device.type == "cuda":
        hardware = torch.cuda.get_device_name(device)
    elif device.type != "cpu":
        hardware = device.type
    else:
        hardware = _processor()
    threads = getattr(model, "num_threads", None) or torch.get_num_threads()
    return re.sub(r"[^A-Za-z0-9_.]+", "-", f"{hardware}-{os.cpu_count()}cores-{threads}threads")


@functools.cache
def _processor() -> str:
    """The processor's name as compilers know it ("znver5"): the same on every platform, and it implies the instruction set."""
    from llvmlite import binding

    return binding.get_host_cpu_name() or "unknown"
