"""The contract of pairs, their sum, and mixtures of two rows."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from foretell.numbers.component import Component

#: Most rows from which quantiles of distances are computed; more are subsampled evenly.
MOST_ROWS = 1000


@dataclass
class Others:
    """The samples that each of n anchors is contrasted with, m for each. products: (n, m), of embeddings. labels: (n, m), of the samples.
    positive: (n, m) bool, samples that should be near. present: (n, m) bool, samples that exist; all positives do. note: what the batch
    lacked; the estimator warns of it once."""

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
    """Abstract: one kind of samples to contrast with. `fit` reads all training labels once and returns a *code*, plain data that `others`
    takes. Labels are standardised; lengths among them are given as quantiles of the distances between pairs of labels, so that units do not
    matter."""

    @abstractmethod
    def fit(self, labels: np.ndarray) -> dict[str, Any]:
        """The code for labels (n,); UserError for settings out of range."""

    @abstractmethod
    def others(self, code: dict[str, Any], embeddings: Tensor, labels: Tensor) -> Others:
        """The samples for each row of a batch. embeddings: (n, d), labels: (n,). Random numbers are torch's own."""

    def __add__(self, more: Pairs) -> JoinedPairs:
        return JoinedPairs(self, more)


@dataclass(eq=False, repr=False)
class JoinedPairs(Pairs):
    """The samples of two kinds together, as `+` makes them."""

    first: Any
    second: Any

    def fit(self, labels: np.ndarray) -> dict[str, Any]:
        return {"first": self.first.fit(labels), "second": self.second.fit(labels)}

    def others(self, code: dict[str, Any], embeddings: Tensor, labels: Tensor) -> Others:
        return self.first.others(code["first"], embeddings, labels) + self.second.others(code["second"], embeddings, labels)


@dataclass
class Mixtures:
    """Mixtures share * first + (1 - share) * second of rows of a batch, K for each of n anchors. first, second: (n, K), row numbers. share:
    (n, K). present: (n, K) bool, False where an anchor has fewer."""

    first: Tensor
    second: Tensor
    share: Tensor
    present: Tensor

    def of(self, values: Tensor) -> Tensor:
        """The rows' values (n,), mixed, (n, K)."""
        return self.share * values[self.first] + (1 - self.share) * values[self.second]

    def products(self, embeddings: Tensor) -> Tensor:
        """(n, K): products of anchors with their mixtures, which are constants and are not normalised. The product with a mixture is the
        mixture of the products, so mixed embeddings are never computed."""
        products = embeddings @ embeddings.detach().T
        return self.share * products.gather(1, self.first) + (1 - self.share) * products.gather(1, self.second)


def distance_quantile(labels: np.ndarray, share: float) -> float:
    """The distance between two labels that is not exceeded by this share of all pairs with different labels; one of the distances that
    occur."""
    labels = np.sort(labels)[:: -(-len(labels) // MOST_ROWS)]
    left, right = np.triu_indices(len(labels), k=1)
    distances = labels[right] - labels[left]
    return float(np.quantile(distances[distances > 0], share, method="lower"))
