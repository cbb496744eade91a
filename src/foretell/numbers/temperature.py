"""Temperature scaling: how sharp a histogram should be, measured on rows that were not fitted."""

from __future__ import annotations

import math

from torch import Tensor

#: Bounds of the search.
RANGE = (0.05, 20.0)


def best_temperature(outputs: Tensor, masses: Tensor, weights: Tensor, widths: Tensor) -> float:
    """The temperature that `outputs` (n, m) are divided by so that their softmax is closest to `masses` (n, m). weights: (n,), of the rows.
    widths: (m,), of the bins.

    The distance is the ranked probability score, the integral of squared differences of distribution functions. Cross-entropy would widen
    all distributions for a few outliers that they give almost no mass.

    Paper: Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, section 4.2. Departure: the score.

    >>> import torch
    >>> distribution = torch.tensor([[0.7, 0.2, 0.1]])
    >>> round(best_temperature(3 * distribution.log(), distribution, torch.ones(1), torch.ones(3)), 3)
    3.0
    """
    from scipy.optimize import minimize_scalar

    outputs, weights, widths = outputs.double(), weights.double(), widths.double()
    reached = masses.double().cumsum(dim=-1)

    def score(log_temperature: float) -> float:
        distributions = (outputs / math.exp(log_temperature)).softmax(dim=-1).cumsum(dim=-1)
        return float(weights @ ((distributions - reached).square() @ widths))

    found = minimize_scalar(score, bounds=tuple(math.log(end) for end in RANGE), method="bounded", options={"xatol": 1e-6})
    return math.exp(found.x)
