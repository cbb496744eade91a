"""Two-hot: a number is encoded as masses on the two nearest bin centres."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from foretell.numbers.targets.c51 import project
from foretell.numbers.targets.histogram import HistogramTarget
from foretell.numbers.targets.support import Support


@dataclass(eq=False, repr=False)
class TwoHot(HistogramTarget):
    """Masses on the two bins whose centres are nearest, so that their mean is the number. It is the limit of HL-Gauss for a small sigma,
    but with an exact mean. A support whose ends come from data has its outermost centres on the extreme targets.

    Guarantee: the mean of a code is the number where it lies between the outermost centres; beyond them it is the outermost centre. Cost: m
    outputs instead of one.

    Paper: Farebrother et al., "Stop Regressing", ICML 2024, section 3.1; used before by Schrittwieser et al., "Mastering Atari, Go, Chess
    and Shogi by Planning with a Learned Model", Nature 2020.

    >>> target = TwoHot(Support(bins=3, low=0.0, high=3.0))
    >>> target.masses(target.fit(np.array([1.0])), np.array([1.0, 1.75])).tolist()
    [[0.5, 0.5, 0.0], [0.0, 0.75, 0.25]]
    """

    papers = ("hl-gauss", "muzero")

    def _lay(self, support: Support, y: np.ndarray) -> dict[str, Any]:
        return {"edges": support.fit(y, margin_in_bins=0.5)}

    def _masses(self, code: dict[str, Any], y: np.ndarray) -> np.ndarray:
        edges = np.asarray(code["edges"])
        return project((edges[:-1] + edges[1:]) / 2, y[:, None], np.ones((len(y), 1)))
