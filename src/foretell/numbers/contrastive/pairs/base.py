"""The contract of pairs, their sum, and mixtures of two rows, which some kinds are made of."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from foretell.numbers.component import Component

#: Pairs of labels that a quantile of their distances is taken from; more rows are thinned out evenly.
MOST_ROWS = 1000


@dataclass
class Others:
    """Whom each of n anchors is compared with, m others each. products: (n, m), of embeddings. labels: (n, m), of the others.
    positive: (n, m) bool, those that should be near. present: (n, m) bool, those that there are; all positives are. note: what the
    batch had none of, for the estimator to warn of once."""

    products: Tensor
    labels: Tensor
    positive: Tensor
    present: Tensor
    note: str = ""

    def __add__(self, more: Others) -> Others:
        return Others(
            torch.cat([self.products, more.products], dim=1),
            torch.cat([self.labels, more.labels], dim=1),
            torch.cat([self.positive, more.positive], dim=1),
            torch.cat([self.present, more.present], dim=1),
            self.note or more.note,
        )


@dataclass(eq=False, repr=False)
class Pairs(Component):
    """Abstract: one kind of others. `fit` looks at all training labels once and returns a *code*, plain data that `others` is given
    back. Labels are standardised; lengths among them are given as quantiles of the distances between pairs of labels, so that
    their unit plays no role."""

    @abstractmethod
    def fit(self, labels: np.ndarray) -> dict[str, Any]:
        """The code for labels like these, (n,); ValueError where a setting makes no sense."""

    @abstractmethod
    def others(self, code: dict[str, Any], embeddings: Tensor, labels: Tensor) -> Others:
        """Whom each row of a batch is compared with. embeddings: (n, d), labels: (n,). Random numbers are torch's own."""

    def __add__(self, more: Pairs) -> JoinedPairs:
        return JoinedPairs(self, more)


@dataclass(eq=False, repr=False)
class JoinedPairs(Pairs):
    """The others of two kinds: what `+` makes."""

    first: Any
    second: Any

    def fit(self, labels: np.ndarray) -> dict[str, Any]:
        return {"first": self.first.fit(labels), "second": self.second.fit(labels)}

    def others(self, code: dict[str, Any], embeddings: Tensor, labels: Tensor) -> Others:
        return self.first.others(code["first"], embeddings, labels) + self.second.others(code["second"], embeddings, labels)


@dataclass
class Mixtures:
    """Mixtures share * first + (1 - share) * second of rows of a batch, K for each of n anchors. first, second: (n, K), row numbers.
    share: (n, K). present: (n, K) bool, False where an anchor has fewer."""

    first: Tensor
    second: Tensor
    share: Tensor
    present: Tensor

    def of(self, values: Tensor) -> Tensor:
        """What the rows' values (n,) come to in the mixtures, (n, K)."""
        return self.share * values[self.first] + (1 - self.share) * values[self.second]

    def products(self, embeddings: Tensor) -> Tensor:
        """(n, K): anchors' products with their mixtures, which are constants and are not brought to unit length. A product with a
        mixture is the mixture of the products: no mixture of embeddings is ever laid out."""
        products = embeddings @ embeddings.detach().T
        return self.share * products.gather(1, self.first) + (1 - self.share) * products.gather(1, self.second)


def distance_quantile(labels: np.ndarray, share: float) -> float:
    """The distance between two labels that this share of all pairs with different labels does not exceed; a distance that occurs."""
    labels = np.sort(labels)[:: -(-len(labels) // MOST_ROWS)]
    left, right = np.triu_indices(len(labels), k=1)
    distances = labels[right] - labels[left]
    return float(np.quantile(distances[distances > 0], share, method="lower"))
