"""`SupReMixEncoder`: a representation ordered by the target, learnt by contrasting rows with mixtures of rows."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from torch import Tensor, nn

from foretell.errors import UserError
from foretell.numbers.bodies.mlp import MLP
from foretell.numbers.contrastive.pairs.base import Pairs
from foretell.numbers.contrastive.pairs.mix_neg import MixNeg
from foretell.numbers.contrastive.pairs.mix_pos import MixPos
from foretell.numbers.contrastive.pairs.real import Real
from foretell.numbers.contrastive.views import TableViews
from foretell.numbers.contrastive.weighted_contrast import weighted_contrast
from foretell.numbers.contrastive.weights import Distance
from foretell.numbers.inference import outputs_of
from foretell.numbers.torch_estimator import PREDICT_ROWS, TorchEstimator
from foretell.parts import require

OUTPUTS = ("embedding", "body")


class UnitLength(nn.Module):
    """Rows scaled to length 1, so that products are cosines."""

    def forward(self, rows: Tensor) -> Tensor:
        """(n, d) -> (n, d)."""
        return nn.functional.normalize(rows, dim=1)


@dataclass(eq=False, repr=False)
class SupReMixEncoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, TorchEstimator):
    """Supervised contrastive learning for regression with mixtures (SupReMix): `transform` gives each row an embedding of unit length, and
    embeddings are close where targets are close. It helps where rows are few or their targets unevenly distributed; put any regressor
    behind it, or take `SupReMixRegressor`.

    Two views are made of each row of a batch. Each view is an anchor, which is contrasted with all other views, with mixtures of itself and
    others (hard negatives) and with mixtures of others whose label is its own (hard positives). Samples with distant labels weigh more.

    pairs: the samples that anchors are contrasted with; None is Real() + MixNeg() + MixPos(); Real() alone is supervised contrastive
    learning. weight: Distance() (None), SquaredDistance() or Even(). views: TableViews() (None) or ImageShifts(). body: layers, None an
    MLP(). dimension: of embeddings. temperature: products are divided by it. extra: added to the number of positives in an anchor's mean.
    output: what `transform` gives, "embedding", or "body": the outputs of the layers below the last, which serve regressors better. Other
    settings: see `TorchTraining`; by default no rows are held out, since the contrastive loss is a poor criterion.

    Cost: n * n + n * num for a batch of n views, independent of the dimension. State: network_, label_mean_, label_scale_, pairs_code_.
    Errors: UserError where all targets are equal; a warning where there are two different ones. A batch without a mixed positive is learnt
    from real pairs, with one warning a fit.

    Wu et al., "Mixup Your Own Pairs", 2023, section 3. Departures: labels are standardised, and the window is a quantile of their
    distances, not a number of years; `num` mixtures are drawn for each anchor, not all; one maximum for real and mixed products (the
    authors' code takes two, which shifts one group against the other); AdamW with a cosine, not Adam with steps.

    >>> X, y = np.random.RandomState(0).standard_normal((60, 3)), np.arange(60.0)
    >>> SupReMixEncoder(body=MLP((8,)), dimension=4, epochs=2, random_state=0).fit(X, y).transform(X).shape
    (60, 4)
    """

    papers = ("supremix",)

    NAME: ClassVar[str] = "supremix-encoder"
    CHECKS_NOT_MET: ClassVar[dict[str, str]] = dict(TorchEstimator.CHECKS_NOT_MET)

    @classmethod
    def examples(cls) -> list[SupReMixEncoder]:
        """Small settings for checks."""
        return [cls(body=MLP((16,)), dimension=8, epochs=5, random_state=0)]

    validation_fraction: float = 0.0
    body: Any = None
    pairs: Any = None
    weight: Any = None
    views: Any = None
    dimension: int = 128
    temperature: float = 0.3
    extra: float = 1.0
    output: str = "embedding"

    def _pairs(self) -> Pairs:
        return Real() + MixNeg() + MixPos() if self.pairs is None else self.pairs

    def _check_settings(self) -> None:
        super()._check_settings()
        require(
            self.batch_size >= 3, self, "batch_size", self.batch_size, "must be at least 3: an anchor is contrasted with rows on both sides"
        )
        require(self.dimension >= 1, self, "dimension", self.dimension, "must be at least 1")
        require(self.temperature > 0, self, "temperature", self.temperature, "must be above 0")
        require(self.output in OUTPUTS, self, "output", self.output, f"must be one of {', '.join(OUTPUTS)}")
        require(self.extra >= 0, self, "extra", self.extra, "must be 0 or above")

    def _fit_encoding(self, y: np.ndarray, sample_weight: np.ndarray | None) -> None:
        num = len(np.unique(y))
        if num == 1:
            raise UserError(f"SupReMixEncoder: y is {float(y[0])!r} in all {len(y)} rows; give at least three different values")
        if num == 2:
            warnings.warn("SupReMixEncoder: y has 2 different values; mixed positives need at least three", stacklevel=3)
        self.label_mean_, self.label_scale_ = float(y.mean()), float(y.std())
        self.pairs_code_ = self._pairs().fit((y - self.label_mean_) / self.label_scale_)
        self._warned = False

    def _make_network(self) -> nn.Module:
        body, width = (MLP() if self.body is None else self.body).build(self.inputs_)
        return nn.Sequential(body, nn.Linear(width, self.dimension), UnitLength())

    def _encode(self, y: np.ndarray) -> Tensor:
        return torch.as_tensor((y - self.label_mean_) / self.label_scale_, dtype=torch.float32)

    def _row_losses(self, network: nn.Module, inputs: Tensor, encoded: Tensor) -> Tensor:
        """The mean of both views' losses, (n,). The loss depends on the batch, so that more rows than a batch are taken batch by batch."""
        parts = zip(inputs.split(self.batch_size), encoded.split(self.batch_size), strict=True)
        return torch.cat([self._anchor_losses(network, *part).reshape(2, -1).mean(dim=0) for part in parts])

    def _anchor_losses(self, network: nn.Module, inputs: Tensor, labels: Tensor) -> Tensor:
        """(2n,): losses of the first views of all rows, then of the second views."""
        views = TableViews() if self.views is None else self.views
        mean, scale = (torch.as_tensor(each, dtype=torch.float32, device=inputs.device) for each in (self.mean_, self.scale_))
        embeddings = network(torch.cat([views(inputs, mean, scale), views(inputs, mean, scale)]))
        return self._contrast(embeddings, labels.repeat(2))

    def _contrast(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """(n,): each anchor's loss; a batch holds both views of each of its rows."""
        others = self._pairs().others(self.pairs_code_, embeddings, labels)
        if others.note and not self._warned:
            self._warned = True
            warnings.warn(f"SupReMixEncoder: a batch has {others.note}; it is learnt from real pairs", stacklevel=2)
        weights = (Distance() if self.weight is None else self.weight)((labels[:, None] - others.labels).abs())
        return weighted_contrast(others.products / self.temperature, others.positive, others.present, weights, self.extra)

    def transform(self, X: Any) -> np.ndarray:  # noqa: N803
        """(n, dimension) float64: embeddings of unit length; with output "body" (n, the body's width)."""
        inputs = self._inputs(self._checked(X))
        network: Any = self.network_
        return outputs_of(network[0] if self.output == "body" else network, inputs, PREDICT_ROWS).double().numpy()

    @property
    def _n_features_out(self) -> int:
        network: Any = self.network_
        return network[1].in_features if self.output == "body" else self.dimension

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags
