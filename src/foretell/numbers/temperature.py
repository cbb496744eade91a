"""Temperature scaling: how sharp a histogram should be, by rows that were not fitted."""

from __future__ import annotations

import math

from torch import Tensor

#: Between which temperatures the best is sought.
RANGE = (0.05, 20.0)


def best_temperature(outputs: Tensor, masses: Tensor, weights: Tensor) -> float:
    """The number that `outputs` (n, m) are divided by for the least weighted cross-entropy with `masses` (n, m). weights: (n,).

    The loss is convex in one over the temperature, so that there is one minimum.
    Paper: Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, section 4.2.

    >>> import torch
    >>> law = torch.tensor([[0.7, 0.2, 0.1]])
    >>> round(best_temperature(3 * law.log(), law, torch.ones(1)), 3)
    3.0
    """
    from scipy.optimize import minimize_scalar

    outputs, masses, weights = outputs.double(), masses.double(), weights.double()

    def loss(log_temperature: float) -> float:
        laws = (outputs / math.exp(log_temperature)).log_softmax(dim=-1)
        return float(-(weights * (masses * laws).sum(dim=-1)).sum())

    found = minimize_scalar(loss, bounds=tuple(math.log(end) for end in RANGE), method="bounded", options={"xatol": 1e-5})
    return math.exp(found.x)
