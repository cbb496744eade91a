"""One-hot: a number is encoded as the bin that holds it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from foretell.numbers.targets.histogram import HistogramTarget
from foretell.numbers.targets.support import Support


@dataclass(eq=False, repr=False)
class OneHot(HistogramTarget):
    """All mass on the bin that holds the number: classification of bins, without their order. A number on an edge belongs to the bin above
    it, the last edge to the last bin.

    Guarantee: the mean of a code differs from the number by half a bin at most. Cost: m outputs instead of one.

    Paper: the baseline of Imani and White, "Improving Regression Performance with Distributional Losses", ICML 2018, and of Farebrother et
    al., "Stop Regressing", ICML 2024.

    >>> target = OneHot(Support(edges=[0.0, 1.0, 10.0]))
    >>> target.masses(target.fit(np.array([3.0])), np.array([0.5, 1.0, 10.0])).tolist()
    [[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]
    """

    papers = ("histogram-loss", "hl-gauss")

    def _lay(self, support: Support, y: np.ndarray) -> dict[str, Any]:
        return {"edges": support.fit(y)}

    def _masses(self, code: dict[str, Any], y: np.ndarray) -> np.ndarray:
        num = self.width(code)
        places = np.clip(np.searchsorted(code["edges"], y, side="right") - 1, 0, num - 1)
        return np.eye(num)[places]
