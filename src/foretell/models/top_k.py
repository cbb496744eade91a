"""The k largest logits of each row."""

from __future__ import annotations

import torch
from torch import Tensor


def top_k(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Values and indices of the k largest logits of each row, largest first; both (rows, k).

    >>> top_k(torch.tensor([[1.0, 3.0, 2.0]]), 2)[1].tolist()
    [[1, 2]]
    """
    return tuple(logits.topk(k, dim=-1))  # type: ignore[return-value]
