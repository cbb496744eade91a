"""The k largest logits of each row, fast on the CPU."""

from __future__ import annotations

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
    from foretell.models.engines.selection import select

    rows = rows.contiguous()
    indices = torch.empty(rows.shape[0], k, dtype=torch.int64)
    select(rows.view(torch.int32).numpy(), indices.numpy())
    return rows.gather(1, indices), indices


__all__ = ["MOST", "top_k"]
