"""The k largest logits of each row, fast on the CPU."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

#: Largest k of the single-pass kernel.
MOST = 64


def top_k(rows: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The `k` largest values of each row (n, V) and their indices, both (n, k), in descending order.

    On the CPU in float32 with k <= 64: one pass over memory, the lowest index first among equals (0.0 equals -0.0), and a NaN
    counts as largest, so that values[:, 0] shows it. Otherwise `torch.topk`, whose order among equals is unspecified.
    """
    if rows.ndim != 2 or not 1 <= k <= rows.shape[1]:
        raise ValueError(f"top_k: k={k!r} must lie between 1 and the row width; rows have shape {tuple(rows.shape)}")
    if rows.device.type != "cpu" or rows.dtype != torch.float32 or k > MOST or rows.requires_grad:
        values, indices = torch.topk(rows, k)
        return values, indices
    rows = rows.contiguous()
    indices = torch.empty(rows.shape[0], k, dtype=torch.int64)
    _kernels().select(rows.numpy(), rows.view(torch.int32).numpy(), indices.numpy())
    return rows.gather(1, indices), indices


def best_two(row: Tensor) -> tuple[int, float, float]:
    """Index and value of the largest of `row` (V,), and by how much it leads; `top_k` with k = 2 for one row, but cheaper.

    >>> best_two(torch.tensor([1.0, 3.0, 2.0]))
    (1, 3.0, 1.0)
    """
    if row.device.type == "cpu" and row.dtype == torch.float32 and row.is_contiguous():
        values = row.detach().numpy()[None]
        places = np.empty((1, min(2, len(row))), dtype=np.int64)
        _kernels().select(values, values.view(np.int32), places)
        index, *second = places[0].tolist()
        best = float(values[0, index])
        return index, best, best - float(values[0, second[0]]) if second else float("inf")
    top, order = top_k(row[None], min(2, len(row)))
    best, *rest = top[0].tolist()
    return int(order[0, 0]), best, best - rest[0] if rest else float("inf")


@cache
def _kernels() -> Any:
    """The compiled part, loaded when first used: numba takes a while to import."""
    from foretell.models.engines import selection

    return selection


__all__ = ["MOST", "best_two", "top_k"]
