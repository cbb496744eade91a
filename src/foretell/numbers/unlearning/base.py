"""The contract of unlearning methods, and their input."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from sklearn.utils import _safe_indexing

from foretell.numbers.component import Component
from foretell.parts import require


@dataclass(frozen=True)
class ForgetRequest:
    """What is to be forgotten. X (n, d), y (n,) or (n, k): all training rows (an array, or the table as given for methods that only fit).
    For methods that train a network further, y is what the network is asked for: targets without the part that is solved in closed form.
    forget (n,): true for rows to forget, some but not all. sample_weight: (n,) as in fitting, or None. seed: of all randomness."""

    X: Any
    y: np.ndarray
    forget: np.ndarray
    sample_weight: np.ndarray | None = None
    seed: int = 0

    @property
    def retained(self) -> tuple[Any, np.ndarray, np.ndarray | None]:
        """X, y and weights of the retained rows."""
        keep = np.flatnonzero(~self.forget)
        return _safe_indexing(self.X, keep), self.y[keep], None if self.sample_weight is None else self.sample_weight[keep]


@dataclass(eq=False, repr=False)
class UnlearningMethod(Component, ABC):
    """Abstract: makes an estimator that has not learnt some of its training rows, or approximately so. Subclasses are dataclasses
    (`eq=False, repr=False`) with settings only."""

    #: Whether it trains the estimator's network further (a `TorchRegressor`), or only calls `fit` (any regressor).
    needs_network: ClassVar[bool] = True
    #: What it does, in a sentence for readers who do not train models.
    plainly: ClassVar[str] = "The model was changed so that it forgets the rows."

    @abstractmethod
    def apply(self, estimator: Any, request: ForgetRequest) -> Any:
        """The unlearned estimator. `estimator` is the method's own copy, which may be changed and returned."""

    def _check(self, *counts: str, above_zero: tuple[str, ...] = ("learning_rate",)) -> None:
        for name in counts:
            value = getattr(self, name)
            require(isinstance(value, int | np.integer) and int(value) >= 1, self, name, value, "must be a whole number of at least 1")
        for name in above_zero:
            require(getattr(self, name) > 0, self, name, getattr(self, name), "must be above 0")
