"""The distribution of one number that a language model says."""

from __future__ import annotations

import numpy as np

from foretell.errors import UserError
from foretell.numbers.digits.string_distribution import StringDistribution
from foretell.numbers.distributions import PointMasses


class SaidNumber(PointMasses):
    """The distribution of one number that a language model says: a `PointMasses` of one row. texts: by value, increasing, as the model
    writes them. missed: an upper bound of the probability of all numbers that were not enumerated, before normalisation; no probability
    is off by more. num_rows: beginnings of numbers that the model read."""

    def __init__(self, found: StringDistribution) -> None:
        texts = [text.decode("utf-8").strip() for text in found.texts]
        try:
            values = np.array([float(text) for text in texts])
        except ValueError:
            odd = next(text for text in texts if not _is_number(text))
            raise UserError(f"number= allows the text {odd!r}, which is no number; take a rule whose texts are all numbers") from None
        distinct, places = np.unique(values, return_inverse=True)
        masses = np.bincount(places, weights=found.masses)
        super().__init__(distinct, masses[None])
        self.texts = tuple(texts[int(np.argmax(places == place))] for place in range(len(distinct)))
        self.missed, self.num_rows = found.missed, found.num_rows

    def __repr__(self) -> str:
        (low, high), median = self.interval(0.8)[0], self.median()[0]
        return f"<SaidNumber: median {median:g}, 80 % from {low:g} to {high:g}, {len(self.texts)} numbers, missed={self.missed:.2g}>"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
