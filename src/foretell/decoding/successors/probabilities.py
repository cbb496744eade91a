"""The best tokens of logits rows with their probabilities, fast enough for every step."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from foretell.decoding.successors.kernels import tail_mass
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
        rest = torch.from_numpy(tail_mass(rows, best[:, 0].numpy(), values[:, -1].numpy()))
        total = weights.sum(-1) + rest
    else:
        total = (logits.double() - best).exp().sum(-1)
    return tokens.cpu().numpy(), (weights / total[:, None]).cpu().numpy()
