"""The best tokens of logits rows with their probabilities, fast enough for every step."""

from __future__ import annotations

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray
from torch import Tensor

from foretell.models.top_k import top_k


def best_probabilities(logits: Tensor, k: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The `k` most probable tokens of each row (n, V), best first, and their softmax probabilities at temperature 1.

    On the CPU in float32 the softmax's sum is estimated: the k best exactly, the rest from an eighth of the row. A full sum over
    49,152 logits would cost as much as finding the best ones, and what is drafted may come from any distribution.
    """
    values, tokens = top_k(logits, k)
    best = values[:, :1]
    weights = (values - best).double().exp()
    if logits.device.type == "cpu" and logits.dtype == torch.float32:
        rows = logits.detach().contiguous().numpy()
        rest = torch.from_numpy(_tail_mass(rows, best[:, 0].numpy(), values[:, -1].numpy()))
        total = weights.sum(-1) + rest
    else:
        total = (logits.double() - best).exp().sum(-1)
    return tokens.cpu().numpy(), (weights / total[:, None]).cpu().numpy()


@njit(nogil=True, cache=True, fastmath=True)
def _mass(row, best, below):
    """Sum of exp(value - best) over values less than `below`; exp(x) is (1 + x / 1024)**1024 here, which compiles to vectors."""
    total = np.float32(0.0)
    for i in range(len(row)):
        power = max(np.float32(1.0) + (row[i] - best) * np.float32(1 / 1024), np.float32(0.0))
        power *= power
        power *= power
        power *= power
        power *= power
        power *= power
        power *= power
        power *= power
        power *= power
        power *= power
        power *= power
        total += power if row[i] < below else np.float32(0.0)
    return total


@njit(nogil=True, cache=True)
def _tail_mass(rows, best, below):
    """Sum of exp(value - best) over each row's values less than `below`, from one block of 64 in eight: a table's probabilities need
    no more (rows shorter than 4,096 are summed whole)."""
    mass = np.zeros(len(rows))
    for r in range(len(rows)):
        width = rows.shape[1]
        if width < 4096:
            mass[r] = _mass(rows[r], best[r], below[r])
            continue
        seen = 0
        for start in range(0, width - 63, 512):
            mass[r] += _mass(rows[r, start : start + 64], best[r], below[r])
            seen += 64
        mass[r] *= width / seen
    return mass
