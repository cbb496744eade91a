"""`HistogramRegressor`: a network that predicts a histogram, trained by cross-entropy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from foretell.errors import UserError
from foretell.numbers.batches import num_rows
from foretell.numbers.bodies.base import Body
from foretell.numbers.bodies.mlp import MLP
from foretell.numbers.column_distributions import ColumnDistributions
from foretell.numbers.distributional import DistributionalMixin
from foretell.numbers.distributions import Histogram, PredictiveDistribution
from foretell.numbers.targets.base import NumberTarget
from foretell.numbers.targets.each_column import EachColumn
from foretell.numbers.targets.histogram import HistogramTarget
from foretell.numbers.targets.hl_gauss import HLGauss
from foretell.numbers.targets.mse import MSE
from foretell.numbers.targets.one_hot import OneHot
from foretell.numbers.targets.two_hot import TwoHot
from foretell.numbers.temperature import best_temperature
from foretell.numbers.torch_regressor import TorchRegressor
from foretell.parts import require

#: Held-out rows needed to fit the temperature.
LEAST_HELD_OUT = 20


@dataclass(eq=False, repr=False)
class HistogramRegressor(DistributionalMixin, TorchRegressor):
    """A network whose outputs are the masses of a histogram: regression as classification. `predict` gives the histogram's mean; the whole
    distribution gives quantiles, intervals, draws and densities.

    body: the layers below the last (None: `MLP()`, two of 256). target: the encoding of numbers (None: `HLGauss()`; `TwoHot()`, `OneHot()`,
    and for comparison the points `MSE()`, `L1()`, `Huber()`, which have no distribution). temperature: outputs are divided by it before
    they become masses; above 1 widens distributions. None fits it to the held-out rows, where they are 20 or more (else 1), so that
    distributions are as wide as errors on new rows; means then change too. Other settings: see `TorchTraining`.

    y may have several columns: each is encoded by itself, and predictions have the shape (n, k). X may be structured where the body is made
    for it; see `TorchEstimator`.

    Needs: a support that holds all targets; it is taken from the training targets unless set, as in `HLGauss(Support(...))`. Cost: that of
    an MSE network, with as many outputs as bins. State: code_ (the target's code: edges, prior, ...), temperature_ (a number, or (k,) of k
    columns), and those of `TorchEstimator`. Errors: UserError for a constant target without a fixed support, and for targets outside a
    fixed support.

    Paper: Farebrother et al., "Stop Regressing: Training Value Functions via Classification for Scalable Deep RL", ICML 2024. Departures:
    the last bias starts at the log of the training histogram; temperature, after Guo et al., "On Calibration of Modern Neural Networks",
    ICML 2017, section 4.2.

    >>> X = np.linspace(-1, 1, 200)[:, None]
    >>> model = HistogramRegressor(body=MLP((32,)), epochs=60, learning_rate=1e-2, random_state=0).fit(X, np.sin(3 * X[:, 0]))
    >>> bool(model.score(X, np.sin(3 * X[:, 0])) > 0.9), model.predict_dist(X).shape, model.predict_interval(X, 0.8).shape
    (True, (200, 100), (200, 2))
    """

    papers = ("hl-gauss", "calibration")
    structured_inputs: ClassVar[bool] = True

    learning_rate: float = 3e-3
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

    def predict_distribution(self, X: Any) -> PredictiveDistribution:  # noqa: N803
        """The distribution of each row's number, or of its k numbers (`ColumnDistributions`); UserError where the target is a point."""
        found = self._row_target().distribution(self.code_, self._tempered(self._outputs(X)))
        if found is None:
            raise UserError(
                f"target={self._target()!r} predicts a point, not a distribution; take HLGauss(), or wrap it in ConformalRegressor"
            )
        return found

    def predict_dist(self, X: Any) -> np.ndarray:  # noqa: N803
        """(n, m): the masses on the bins between the edges `code_["edges"]`. With k target columns (n, k, m), where the edges of each
        column are in `code_["columns"]`."""
        found = self.predict_distribution(X)
        columns = found.columns if isinstance(found, ColumnDistributions) else [found]
        require(isinstance(columns[0], Histogram), self, "target", self._target(), "has no bins; take HLGauss()")
        masses = [each.masses for each in columns if isinstance(each, Histogram)]
        return np.stack(masses, axis=1) if isinstance(found, ColumnDistributions) else masses[0]

    def _fit_encoding(self, y: np.ndarray, sample_weight: np.ndarray | None) -> None:
        target = self._target()
        require(isinstance(target, NumberTarget), self, "target", self.target, "must be a target such as HLGauss() or MSE()")
        given = self.temperature is not None
        good = not given or (isinstance(self.temperature, int | float | np.number) and 0 < self.temperature < math.inf)
        require(good, self, "temperature", self.temperature, "must be a number above 0, or None to fit it to rows held out")
        tempers = isinstance(target, HistogramTarget) or self.temperature == 1
        require(tempers, self, "temperature", self.temperature, f"needs a target with a histogram, not {target!r}; leave it at 1.0")
        self.code_ = self._row_target().fit(y, sample_weight)
        start = float(self.temperature) if self.temperature is not None else 1.0
        self.temperature_: Any = start if self.n_outputs_ == 1 else np.full(self.n_outputs_, start)

    def _make_network(self) -> nn.Module:
        require(self.body is None or isinstance(self.body, Body), self, "body", self.body, "must be a body such as MLP()")
        body, width = (MLP() if self.body is None else self.body).build(self.inputs_)
        head = nn.Linear(width, self._row_target().width(self.code_))
        with torch.no_grad():
            head.bias.copy_(self._row_target().bias(self.code_))
        return nn.Sequential(body, head)

    def _encode(self, y: np.ndarray) -> Tensor:
        return self._row_target().encode(self.code_, y)

    def _row_losses(self, network: nn.Module, inputs: Any, encoded: Tensor) -> Tensor:
        return self._row_target().row_losses(network(inputs), encoded)

    def _watch(self, network: nn.Module, held_out: Sequence[Any]) -> Tensor:
        inputs, encoded, weights = held_out
        return (self._row_target().row_errors(self.code_, network(inputs), encoded) * weights).mean()

    def _calibrate(self, held_out: Sequence[Any]) -> None:
        inputs, masses, weights = held_out
        if self.temperature is not None or num_rows(inputs) < LEAST_HELD_OUT or not isinstance(self._target(), HistogramTarget):
            return
        with torch.no_grad():
            outputs, masses, weights = self.network_(inputs).cpu(), masses.cpu(), weights.cpu()
        target = self._row_target()
        if not isinstance(target, EachColumn):
            self.temperature_ = best_temperature(outputs, masses, weights, _widths(self.code_))
            return
        columns = enumerate(zip(self.code_["columns"], target.split(self.code_, outputs), strict=True))
        self.temperature_ = np.array([best_temperature(part, masses[:, i], weights, _widths(code)) for i, (code, part) in columns])

    def _imitation(self, outputs: Tensor, others: Tensor) -> Tensor:
        return self._row_target().imitation(self.code_, outputs, others)

    def _point(self, outputs: Tensor) -> Tensor:
        return self._row_target().mean(self.code_, self._tempered(outputs))

    def _tempered(self, outputs: Tensor) -> Tensor:
        if self.n_outputs_ == 1:
            return outputs if self.temperature_ == 1 else outputs / float(self.temperature_)
        temperature = torch.as_tensor(np.repeat(self.temperature_, outputs.shape[1] // self.n_outputs_), dtype=outputs.dtype)
        return outputs / temperature.to(outputs.device)

    def _target(self) -> NumberTarget:
        """The encoding of one number."""
        return HLGauss() if self.target is None else self.target

    def _row_target(self) -> NumberTarget:
        """The encoding of all numbers of a row."""
        return self._target() if self.n_outputs_ == 1 else EachColumn(self._target())

    def _takes_several_targets(self) -> bool:
        return True


def _widths(code: dict[str, Any]) -> Tensor:
    return torch.as_tensor(np.diff(code["edges"]))
