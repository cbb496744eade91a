"""Several targets: one encoding for each column of y."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from foretell.numbers.column_distributions import ColumnDistributions
from foretell.numbers.distributions import PredictiveDistribution
from foretell.numbers.targets.base import NumberTarget


@dataclass(eq=False, repr=False)
class EachColumn(NumberTarget):
    """k numbers a row, each encoded by `target` with a code of its own (its own bins, its own standard deviation). Estimators wrap their
    target in it where y has several columns. The network's outputs for the columns lie side by side.

    The loss is the mean over columns, so that columns in small units weigh as much as others. The k distributions are marginals; dependence
    between columns is not modelled.

    Here y is (n, k), encoded is (n, k, ...), and means are (n, k). The code: columns, the list of the columns' codes. Errors: those of
    `target`.

    >>> from foretell.numbers.targets.mse import MSE
    >>> target = EachColumn(MSE())
    >>> code = target.fit(np.array([[1.0, 10.0], [3.0, 30.0]]))
    >>> target.mean(code, torch.tensor([[0.0, 1.0]])).tolist()
    [[2.0, 30.0]]
    """

    target: Any = None

    def fit(self, y: np.ndarray, sample_weight: np.ndarray | None = None) -> dict[str, Any]:
        return {"columns": [self.target.fit(column, sample_weight) for column in y.T]}

    def width(self, code: dict[str, Any]) -> int:
        return sum(self.target.width(each) for each in code["columns"])

    def encode(self, code: dict[str, Any], y: np.ndarray) -> Tensor:
        return torch.stack([self.target.encode(each, column) for each, column in zip(code["columns"], y.T, strict=True)], 1)

    def row_losses(self, outputs: Tensor, encoded: Tensor) -> Tensor:
        num, k = encoded.shape[:2]
        return self.target.row_losses(outputs.reshape(num * k, -1), encoded.flatten(0, 1)).reshape(num, k).mean(1)

    def row_errors(self, code: dict[str, Any], outputs: Tensor, encoded: Tensor) -> Tensor:
        """The mean over columns, each in the standard deviation of its training targets."""
        parts = enumerate(zip(code["columns"], self.split(code, outputs), strict=True))
        errors = [self.target.row_errors(each, part, encoded[:, i]) / self.target.error_unit(each) for i, (each, part) in parts]
        return torch.stack(errors, 1).mean(1)

    def mean(self, code: dict[str, Any], outputs: Tensor) -> Tensor:
        return torch.stack([self.target.mean(each, part) for each, part in zip(code["columns"], self.split(code, outputs), strict=True)], 1)

    def imitation(self, code: dict[str, Any], outputs: Tensor, others: Tensor) -> Tensor:
        """The mean over columns."""
        columns = zip(code["columns"], self.split(code, outputs), self.split(code, others), strict=True)
        return torch.stack([self.target.imitation(each, ours, theirs) for each, ours, theirs in columns], 1).mean(1)

    def bias(self, code: dict[str, Any]) -> Tensor:
        return torch.cat([self.target.bias(each) for each in code["columns"]])

    def distribution(self, code: dict[str, Any], outputs: Tensor) -> PredictiveDistribution | None:
        found = [self.target.distribution(each, part) for each, part in zip(code["columns"], self.split(code, outputs), strict=True)]
        whole = [each for each in found if each is not None]
        return ColumnDistributions(whole) if len(whole) == len(found) else None

    def split(self, code: dict[str, Any], outputs: Tensor) -> list[Tensor]:
        """Each column's outputs, k times (n, width)."""
        return list(outputs.split([self.target.width(each) for each in code["columns"]], dim=1))
