"""The most probable tokens of rows of logits with their probabilities, fast enough for every step."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from foretell.models.engines import selection
from foretell.models.engines.compiled import njit
from foretell.models.top_k import MOST, top_k


def best_probabilities(logits: Tensor, k: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The `k` most probable tokens of each row (n, V), best first, and their softmax probabilities at temperature 1.

    On the CPU in float32 the softmax's sum is estimated: the k best tokens exactly, the rest from an eighth of the row. A full sum over
    49,152 logits would cost as much as the top-k, and drafts may come from any distribution.
    """
    if logits.device.type == "cpu" and logits.dtype == torch.float32 and k <= MOST:
        rows = logits.detach().contiguous().numpy()
        tokens, probs = np.empty((len(rows), k), dtype=np.int64), np.empty((len(rows), k))
        selection.select(rows, rows.view(np.int32), tokens)
        _probabilities(rows, tokens, probs)
        return tokens, probs
    values, ids = top_k(logits, k)
    best = values[:, :1].double()
    total = (logits.double() - best).exp().sum(-1, keepdim=True)
    return ids.cpu().numpy(), ((values.double() - best).exp() / total).cpu().numpy()


@njit(nogil=True, cache=True, fastmath=True)
def _mass(row, best, below):
    """Sum of exp(value - best) over values less than `below`; exp(x) is approximated by (1 + x / 1024)**1024, which compiles to vector
    code."""
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
def _tail_mass(row, best, below):
    """Sum of exp(value - best) over the values less than `below`, estimated from one block of 64 in eight. Rows shorter than
    4,096 are summed whole."""
    width = len(row)
    if width < 4096:
        return np.float64(_mass(row, best, below))
    mass, seen = 0.0, 0
    for start in range(0, width - 63, 512):
        mass += _mass(row[start : start + 64], best, below)
        seen += 64
    return mass * width / seen


@njit(nogil=True, cache=True)
def _probabilities(rows, tokens, probs):
    """Fill `probs` (n, k) for the `tokens` (n, k) of each of `rows` (n, V), best first."""
    k = tokens.shape[1]
    for r in range(len(rows)):
        row = rows[r]
        best, total = row[tokens[r, 0]], 0.0
        for j in range(k):
            probs[r, j] = np.exp(np.float64(row[tokens[r, j]]) - np.float64(best))
            total += probs[r, j]
        total += _tail_mass(row, best, row[tokens[r, k - 1]])
        for j in range(k):
            probs[r, j] /= total
