"""Memory for the CPU engine: weights in large pages, and result buffers that are used again once nobody looks at them."""

from __future__ import annotations

import contextlib
import mmap
import sys

import numpy as np
import torch
from torch import Tensor

_LINE = 64
_LARGE_PAGE = 1 << 21
#: Result buffers kept for reuse, and the largest size worth keeping, in bytes.
_KEPT, _KEPT_BYTES = 4, 1 << 25


def gather(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Copies of `tensors` side by side, aligned, in large pages where the system has them.

    Weights are read once per step from end to end, and with small pages looking up addresses costs a third of that time.
    """
    sizes = {name: -(-tensor.numel() * tensor.element_size() // _LINE) * _LINE for name, tensor in tensors.items()}
    room = memory(sum(sizes.values()))
    out, offset = {}, 0
    for name, tensor in tensors.items():
        held = room[offset : offset + tensor.numel() * tensor.element_size()].view(tensor.dtype).view(tensor.shape)
        held.copy_(tensor.detach())
        out[name] = held
        offset += sizes[name]
    return out


def memory(size: int) -> Tensor:
    """`size` bytes of zeros, aligned to a cache line or better."""
    if hasattr(mmap, "MADV_HUGEPAGE") and size >= _LARGE_PAGE:
        raw = mmap.mmap(-1, size + _LARGE_PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        with contextlib.suppress(OSError):  # a kernel without them: ordinary pages do
            raw.madvise(mmap.MADV_HUGEPAGE)
        room, alignment = torch.frombuffer(raw, dtype=torch.uint8), _LARGE_PAGE
    else:
        room, alignment = torch.zeros(size + _LINE, dtype=torch.uint8), _LINE
    first = -room.data_ptr() % alignment
    return room[first : first + size]


class Results:
    """float32 matrices for results. A fresh large array costs a page fault per 4 kB, so dropped ones are handed out again."""

    def __init__(self) -> None:
        self._kept: list[np.ndarray] = []

    def take(self, rows: int, columns: int) -> Tensor:
        """An uninitialised (rows, columns) tensor that belongs to the caller for as long as any view of it lives."""
        size = rows * columns
        for array in self._kept:
            # the list, the loop variable and getrefcount's argument: nobody else, so no tensor is on this memory
            if size <= array.size <= 4 * size and sys.getrefcount(array) == 3:
                return torch.from_numpy(array)[:size].view(rows, columns)
        array = np.empty(size, dtype=np.float32)
        if array.nbytes <= _KEPT_BYTES:
            self._kept = [*self._kept[-_KEPT + 1 :], array]
        return torch.from_numpy(array)[:size].view(rows, columns)
