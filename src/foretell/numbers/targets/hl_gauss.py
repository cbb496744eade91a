"""HL-Gauss: a number is encoded as a normal distribution's masses on bins."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from foretell.numbers.targets.histogram import HistogramTarget
from foretell.numbers.targets.support import Support, is_even
from foretell.parts import require

#: sigma in bins where neither setting is given: the mean of a code then differs from its number by at most 5e-6 bins, with about six
#: bins that have mass.
SIGMA_TO_BIN = 0.75


@dataclass(eq=False, repr=False)
class HLGauss(HistogramTarget):
    """The mass that a normal distribution around the number, truncated to the support, puts on each bin; trained by cross-entropy.
    Neighbouring bins share mass, so that the network learns their order, and the gradient of a row is bounded whatever the target:
    softmax(outputs) - masses.

    support: the bins; where its ends come from data they lie 3 sigma beyond the extreme targets, since truncation would shift these
    inwards. sigma_to_bin: the standard deviation in widths of a bin (None: 0.75). sigma: the same in units of the targets, instead of
    sigma_to_bin; needed where bins have different widths.

    Guarantee: masses are 0 or above and sum to 1; their mean is the number, up to 1e-4 of a bin at sigma_to_bin=0.75 for numbers eight bins
    or more from the ends (0.3 of a bin at 0.1). Cost: m outputs instead of one; encoding computes m + 1 values of erf a row, once. Errors:
    UserError for sigma or sigma_to_bin not above 0, for both, for sigma_to_bin with bins of different widths.

    Paper: Farebrother et al., "Stop Regressing: Training Value Functions via Classification for Scalable Deep RL", ICML 2024, section 3.1
    and appendix; the loss is Imani and White, "Improving Regression Performance with Distributional Losses", ICML 2018. Departures: targets
    are clamped to the support before truncation, in float64; the last bias starts at the log of the training histogram.

    >>> target = HLGauss(Support(bins=5, low=0.0, high=5.0), sigma=0.5)
    >>> code = target.fit(np.array([1.0, 4.0]))
    >>> target.masses(code, np.array([2.5])).round(3).tolist()
    [[0.001, 0.157, 0.683, 0.157, 0.001]]
    """

    papers = ("hl-gauss", "histogram-loss")

    sigma_to_bin: float | None = None
    sigma: float | None = None

    def _lay(self, support: Support, y: np.ndarray) -> dict[str, Any]:
        both = self.sigma is not None and self.sigma_to_bin is not None
        require(not both, self, "sigma", self.sigma, f"and sigma_to_bin={self.sigma_to_bin!r} set the same quantity; give one of them")
        for name in ("sigma", "sigma_to_bin"):
            value = getattr(self, name)
            require(value is None or 0 < value < math.inf, self, name, value, "must be a number above 0")
        if self.sigma is not None:
            return {"edges": support.fit(y, margin=3 * self.sigma), "sigma": float(self.sigma)}
        ratio = SIGMA_TO_BIN if self.sigma_to_bin is None else self.sigma_to_bin
        edges = support.fit(y, margin_in_bins=3 * ratio)
        remedy = "is needed where bins are of different widths: give it in the units of the targets"
        require(is_even(edges), self, "sigma", self.sigma, remedy)
        return {"edges": edges, "sigma": float(ratio * (edges[1] - edges[0]))}

    def _masses(self, code: dict[str, Any], y: np.ndarray) -> np.ndarray:
        edges = np.asarray(code["edges"])
        reached = torch.erf(torch.as_tensor((edges - y[:, None]) / (math.sqrt(2) * code["sigma"]), dtype=torch.float64)).numpy()
        return np.diff(reached, axis=1) / (reached[:, -1:] - reached[:, :1])
