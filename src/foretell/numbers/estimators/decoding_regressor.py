"""`DecodingRegressor`: predicts a number by decoding its tokens, with the exact distribution over all numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from foretell.numbers.bodies.mlp import MLP
from foretell.numbers.digits.base import NumberFormat
from foretell.numbers.digits.head import DigitHead
from foretell.numbers.digits.leaves import Leaves
from foretell.numbers.digits.members import DecodingMembers
from foretell.numbers.digits.normalised import Normalised
from foretell.numbers.distributional import DistributionalMixin
from foretell.numbers.distributions import PredictiveDistribution
from foretell.numbers.linear_part import linear_part
from foretell.numbers.shifted import Shifted
from foretell.numbers.standardisation import standardised
from foretell.numbers.torch_regressor import TorchRegressor
from foretell.parts import require

POINTS = ("mean", "median", "mode")


@dataclass(eq=False, repr=False)
class DecodingRegressor(DistributionalMixin, TorchRegressor):
    """A number is written token by token, each given the row's features and the tokens before it. Nothing is sampled to predict: the
    probabilities of all numbers that the format can write are computed, level by level of the tree of tokens.

    format: how numbers are written (None: `Normalised()`). body: layers below (None: an MLP). decoder: None is `DigitHead()`. n_members:
    networks trained side by side from different weights, whose distributions are averaged. smoothing: in training, normal noise is added to
    targets, with this share of their standard deviation, so that neighbouring numbers are learnt as neighbours however their digits differ;
    the predicted distribution is that of the noisy target. n_draws: noisy copies of a row. linear: subtract the prediction of a ridge
    regression first and decode the residual, so that the distribution is shifted row by row. point: what `predict` returns, the "mean",
    "median" or "mode" of the distribution. Other settings: see `TorchTraining`.

    Guarantee: exact; `predict_distribution` is a histogram over the numbers' cells, `predict_numbers` has the masses on the numbers as
    written. Cost: `DigitHead`'s, for each member. Attributes: code_ (of the format), slopes_ (d,), of the linear part, prior_ (m,), masses
    of the training targets, inner_ (m - 1,) and blur_, edges between numbers and the noise as shares of the support, and those of
    `TorchRegressor`. Errors: UserError for settings out of range, for targets outside given bounds, NaN, text, several target columns.

    Song and Bahri, "Decoding-based Regression", 2025, sections 3 and 4; Song et al., "OmniPred", 2024. Departures: the exact distribution
    where they draw samples, members, noisy targets (as HL-Gauss does to a histogram), the linear part.

    >>> X = np.arange(60.0)[:, None] % 6
    >>> model = DecodingRegressor(epochs=20, n_members=1, random_state=0).fit(X, X[:, 0] ** 2)
    >>> distribution = model.predict_distribution(X[:2])
    >>> bool(np.abs(distribution.mean() - model.predict(X[:2])).max() < 1e-6), model.predict_interval(X[:2], 0.8).shape
    (True, (2, 2))
    """

    papers = ("decoding-regression", "omnipred")
    in_parts: ClassVar[tuple[str, ...]] = ("decoders.",)

    learning_rate: float = 3e-3
    patience: int = 20
    format: Any = None
    body: Any = None
    decoder: Any = None
    n_members: int = 1
    smoothing: float = 0.3
    n_draws: int = 8
    linear: bool = True
    point: str = "mean"

    @classmethod
    def examples(cls) -> list[DecodingRegressor]:
        """Small settings for checks."""
        pieces: dict[str, Any] = {"format": Normalised(4, 2), "body": MLP((16,)), "decoder": DigitHead(8)}
        return [cls(n_members=2, epochs=10, learning_rate=1e-2, validation_fraction=0, random_state=0, **pieces)]

    def _check_settings(self) -> None:
        super()._check_settings()
        for name in ("n_members", "n_draws"):
            value = getattr(self, name)
            require(isinstance(value, int | np.integer) and int(value) >= 1, self, name, value, "must be a whole number of at least 1")
        require(self.smoothing >= 0, self, "smoothing", self.smoothing, "must be 0 or above")
        require(self.point in POINTS, self, "point", self.point, f"must be one of {', '.join(POINTS)}")

    def _format(self) -> NumberFormat:
        return Normalised() if self.format is None else self.format

    @property
    def leaves_(self) -> Leaves:
        """The numbers that can be written, before the linear part is added."""
        return self._format().leaves(self.code_)

    def _residual_targets(self, X: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None) -> np.ndarray:  # noqa: N803
        slopes, rest = linear_part(X, y, sample_weight) if self.linear else (np.zeros(X.shape[1]), y)
        self.slopes_ = slopes
        return rest

    def _network_targets(self, X: np.ndarray, y: np.ndarray) -> np.ndarray:  # noqa: N803
        """Residuals of the linear part, within the support."""
        return self._within(y - self._scaled(X) @ self.slopes_)

    def _targets_without(self, X: np.ndarray, y: np.ndarray, forget: np.ndarray, sample_weight: np.ndarray | None) -> np.ndarray:  # noqa: N803
        scaled, stays = self._scaled(X), ~forget
        rest = np.empty(len(y))
        rest[stays] = self._residual_targets(scaled[stays], y[stays], None if sample_weight is None else sample_weight[stays])
        rest[forget] = y[forget] - scaled[forget] @ self.slopes_
        self.network_.get_buffer("slopes").copy_(torch.as_tensor(self.slopes_))
        return self._within(rest)

    def _scaled(self, X: np.ndarray) -> np.ndarray:  # noqa: N803
        return standardised(X, self.inputs_, self.mean_, self.scale_)

    def _within(self, rest: np.ndarray) -> np.ndarray:
        return np.clip(rest, *self.leaves_.edges[[0, -1]])

    def _fit_encoding(self, y: np.ndarray, sample_weight: np.ndarray | None) -> None:
        self.code_ = self._format().fit(y)
        edges = self.leaves_.edges
        shares = (y - edges[0]) / (edges[-1] - edges[0])
        centre = np.average(shares, weights=sample_weight)
        self.inner_ = (edges[1:-1] - edges[0]) / (edges[-1] - edges[0])
        self.blur_ = self.smoothing * float(np.sqrt(np.average((shares - centre) ** 2, weights=sample_weight)))
        places = self._blurred(self._encode(y), torch.full((len(y), self.n_draws), 0.5)).numpy()
        weight = None if sample_weight is None else np.repeat(sample_weight, self.n_draws)
        found = np.bincount(places.ravel(), weights=weight, minlength=len(self.leaves_))
        self.prior_ = found / found.sum()

    def _blurred(self, encoded: Tensor, where: Tensor) -> Tensor:
        """(n, n_draws) indices of noisy copies of each target, one from each of n_draws equally probable slices of the noise. where: (n,
        n_draws), the position in each slice, from 0 to 1."""
        levels = (torch.arange(self.n_draws, device=where.device) + where) / self.n_draws
        found = encoded[:, None] + self.blur_ * torch.special.ndtri(levels.clamp(1e-6, 1 - 1e-6))
        inner = torch.as_tensor(self.inner_, dtype=encoded.dtype, device=encoded.device)
        return torch.searchsorted(inner, found, right=True)  # noise beyond the ends gives the outermost number

    def _make_network(self) -> nn.Module:
        body, decoder = MLP((128, 128)) if self.body is None else self.body, DigitHead() if self.decoder is None else self.decoder
        return DecodingMembers(self.n_members, body, decoder, self.leaves_, self.prior_, self.slopes_)

    def _encode(self, y: np.ndarray) -> Tensor:
        """Targets as shares of the support."""
        leaves = self.leaves_
        leaves.places(y)  # none lies outside
        return torch.as_tensor((y - leaves.edges[0]) / (leaves.edges[-1] - leaves.edges[0]), dtype=torch.float32)

    def _split(self, rows: Sequence[Tensor], order: Tensor) -> tuple[list[Tensor], list[Tensor] | None]:
        """Several members hold out different rows, so that together they are validated on all rows and learn from all."""
        if self.n_members == 1 or not self.validation_fraction:
            return super()._split(rows, order)
        inputs, encoded, weight = rows
        own = torch.zeros(len(order), self.n_members, device=order.device)
        own[order, torch.arange(len(order), device=order.device) % self.n_members] = 1.0
        learnt = weight[:, None] * (1 - own) * self.n_members / (self.n_members - 1)
        return [inputs, encoded, learnt], [inputs, encoded, weight[:, None] * own * self.n_members]

    def _batch_loss(self, network: nn.Module, batch: Sequence[Tensor]) -> Tensor:
        """Cross-entropy in training. On held-out rows the CRPS, since cross-entropy would stop at the first surprising target. Weights are
        (n,), or (n, n_members) where members have their own."""
        inputs, encoded, weight = batch
        assert isinstance(network, DecodingMembers)
        if network.training:
            losses = self._member_losses(network, inputs, encoded)
        else:
            edges = torch.as_tensor(self.inner_, dtype=encoded.dtype, device=encoded.device)
            losses = network.crps(inputs, edges, encoded)
        return (losses * (weight if weight.ndim == 2 else weight[:, None])).mean()

    def _member_losses(self, network: nn.Module, inputs: Tensor, encoded: Tensor) -> Tensor:
        """(n, n_members). In training the noise is drawn anew each time, since the network would memorise fixed draws."""
        assert isinstance(network, DecodingMembers)
        shape = (len(encoded), self.n_draws)
        where = torch.rand(shape, device=encoded.device) if network.training else torch.full(shape, 0.5, device=encoded.device)
        return -network.log_likelihood(inputs, self._blurred(encoded, where)).mean(-1)

    def _row_losses(self, network: nn.Module, inputs: Tensor, encoded: Tensor) -> Tensor:
        return self._member_losses(network, inputs, encoded).mean(1)

    def _imitation(self, outputs: Tensor, others: Tensor) -> Tensor:
        """The cross-entropy of our masses relative to the other ones."""
        return -(others[:, 1:] * outputs[:, 1:].clamp_min(torch.finfo(outputs.dtype).tiny).log()).sum(1)

    def _point(self, outputs: Tensor) -> Tensor:
        leaves = self.leaves_
        centres = torch.as_tensor((leaves.edges[:-1] + leaves.edges[1:]) / 2, device=outputs.device)
        return outputs[:, 0] + outputs[:, 1:] @ centres.to(outputs.dtype)

    def predict(self, X: Any) -> np.ndarray:  # noqa: N803
        """(n,): the mean, median or mode of each row's distribution, as `point` says, in the units of y."""
        self._check_settings()
        return getattr(self.predict_distribution(X), self.point)()

    def predict_distribution(self, X: Any) -> PredictiveDistribution:  # noqa: N803
        """The distribution of each row's number, spread evenly over the cell of every number that the format can write."""
        outputs = self._outputs(X).double().numpy()
        return Shifted(self.leaves_.histogram(outputs[:, 1:]), outputs[:, 0])

    def predict_numbers(self, X: Any) -> PredictiveDistribution:  # noqa: N803
        """The distribution as `PointMasses` on the numbers as they are written (with `linear`, shifted by each row's linear part)."""
        outputs = self._outputs(X).double().numpy()
        return Shifted(self.leaves_.points(outputs[:, 1:]), outputs[:, 0])
