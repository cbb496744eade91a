"""`HistogramRegressor`: a network that says a number by a histogram, trained by cross-entropy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from foretell.errors import UserError
from foretell.numbers.bodies.base import Body
from foretell.numbers.bodies.mlp import MLP
from foretell.numbers.distributional import DistributionalMixin
from foretell.numbers.distributions import Distribution, Histogram
from foretell.numbers.targets.base import Target
from foretell.numbers.targets.histogram import HistogramTarget
from foretell.numbers.targets.hl_gauss import HLGauss
from foretell.numbers.targets.mse import MSE
from foretell.numbers.targets.one_hot import OneHot
from foretell.numbers.targets.two_hot import TwoHot
from foretell.numbers.temperature import best_temperature
from foretell.numbers.torch_regressor import TorchRegressor
from foretell.parts import require

#: Fewer rows than these say too little of how wide laws should be.
LEAST_HELD_OUT = 20


@dataclass(eq=False, repr=False)
class HistogramRegressor(DistributionalMixin, TorchRegressor):
    """A network whose outputs are the masses of a histogram: regression as classification. `predict` gives the histogram's mean, and
    the whole law is there for quantiles, intervals, draws and densities. Beside the settings of all networks here:

    body: the layers below the last (None: `MLP()`, two of 256). target: how a number is said (None: `HLGauss()`; `TwoHot()`,
    `OneHot()`, and the points `MSE()`, `L1()`, `Huber()` for comparison, which have no law). temperature: outputs are divided by it
    before they become masses; above 1 widens laws. None fits it to the rows held out, where they are 20 or more (else 1), so that
    laws are as wide as errors on rows not seen, which means pay for: they move with the laws.

    Needs: a support that holds all targets; from the training targets unless `HLGauss(Support(...))` says otherwise.
    Cost: an MSE network's, and as many outputs as bins.
    State: code_ (the target's code: edges, prior, ...), temperature_, and those of all networks here.
    Errors: ValueError for one constant target without a fixed support, targets outside a fixed support, several target columns.
    Paper: Farebrother et al., "Stop Regressing: Training Value Functions via Classification for Scalable Deep RL", ICML 2024.
    Departures: the last bias starts at the log of the training histogram; temperature, after Guo et al., "On Calibration of Modern
    Neural Networks", ICML 2017, section 4.2.

    >>> X = np.linspace(-1, 1, 200)[:, None]
    >>> model = HistogramRegressor(body=MLP((32,)), epochs=60, learning_rate=1e-2, random_state=0).fit(X, np.sin(3 * X[:, 0]))
    >>> bool(model.score(X, np.sin(3 * X[:, 0])) > 0.9), model.predict_dist(X).shape, model.predict_interval(X, 0.8).shape
    (True, (200, 100), (200, 2))
    """

    papers = ("hl-gauss", "calibration")

    body: Any = None
    target: Any = None
    temperature: float | None = 1.0

    @classmethod
    def examples(cls) -> list[HistogramRegressor]:
        """Small settings for checks, one for each kind of target."""
        return [
            cls(body=MLP((16,)), target=target, epochs=30, batch_size=64, learning_rate=5e-2, validation_fraction=0, random_state=0)
            for target in (HLGauss(), TwoHot(), OneHot(), MSE())
        ]

    def predict_distribution(self, X: Any) -> Distribution:  # noqa: N803
        """The law of each row's number; ValueError where the target has a point only."""
        found = self._target().distribution(self.code_, self._tempered(self._outputs(X)))
        if found is None:
            raise UserError(f"target={self._target()!r} predicts a point, not a law; take HLGauss(), or wrap in ConformalRegressor")
        return found

    def predict_dist(self, X: Any) -> np.ndarray:  # noqa: N803
        """(n, m): the masses on the bins between the edges `code_["edges"]`."""
        found = self.predict_distribution(X)
        require(isinstance(found, Histogram), self, "target", self._target(), "has no bins; take HLGauss()")
        return found.masses  # type: ignore[attr-defined]

    def _settle(self, y: np.ndarray, sample_weight: np.ndarray | None) -> None:
        target = self._target()
        require(isinstance(target, Target), self, "target", self.target, "must be a target such as HLGauss() or MSE()")
        given = self.temperature is not None
        good = not given or (isinstance(self.temperature, int | float | np.number) and 0 < self.temperature < math.inf)
        require(good, self, "temperature", self.temperature, "must be a number above 0, or None to fit it to rows held out")
        tempers = isinstance(target, HistogramTarget) or self.temperature == 1
        require(tempers, self, "temperature", self.temperature, f"needs a target with a histogram, not {target!r}; leave it at 1.0")
        self.code_ = target.fit(y, sample_weight)
        self.temperature_ = float(self.temperature) if self.temperature is not None else 1.0

    def _make_network(self) -> nn.Module:
        require(self.body is None or isinstance(self.body, Body), self, "body", self.body, "must be a body such as MLP()")
        body, width = (MLP() if self.body is None else self.body).build(self.n_features_in_)
        head = nn.Linear(width, self._target().width(self.code_))
        with torch.no_grad():
            head.bias.copy_(self._target().bias(self.code_))
        return nn.Sequential(body, head)

    def _encode(self, y: np.ndarray) -> Tensor:
        return self._target().encode(self.code_, y)

    def _row_losses(self, network: nn.Module, inputs: Tensor, encoded: Tensor) -> Tensor:
        return self._target().row_losses(network(inputs), encoded)

    def _watch(self, network: nn.Module, held_out: Sequence[Tensor]) -> Tensor:
        inputs, encoded, weights = held_out
        return (self._target().row_errors(self.code_, network(inputs), encoded) * weights).mean()

    def _calibrate(self, held_out: Sequence[Tensor]) -> None:
        inputs, masses, weights = held_out
        if self.temperature is None and len(inputs) >= LEAST_HELD_OUT and isinstance(self._target(), HistogramTarget):
            with torch.no_grad():
                widths = torch.as_tensor(np.diff(self.code_["edges"]))
                self.temperature_ = best_temperature(self.network_(inputs).cpu(), masses.cpu(), weights.cpu(), widths)

    def _imitation(self, outputs: Tensor, others: Tensor) -> Tensor:
        return self._target().imitation(outputs, others)

    def _point(self, outputs: Tensor) -> Tensor:
        return self._target().mean(self.code_, self._tempered(outputs))

    def _tempered(self, outputs: Tensor) -> Tensor:
        return outputs if self.temperature_ == 1 else outputs / self.temperature_

    def _target(self) -> Target:
        return HLGauss() if self.target is None else self.target
