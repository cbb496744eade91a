"""`OLinearForecaster`: windows in the eigenbasis of their correlation, series mixed by a normalised matrix, dense layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from foretell.numbers.forecasters.base import Forecaster
from foretell.numbers.forecasting.bases.base import Basis
from foretell.numbers.forecasting.bases.ortho_trans import OrthoTrans
from foretell.numbers.forecasting.mixers.base import Mixer
from foretell.numbers.forecasting.mixers.norm_lin import NormLin
from foretell.numbers.forecasting.network import EncoderLayer, ForecastHead, ForecastNetwork, Lift
from foretell.numbers.forecasting.scalers.base import Scaler
from foretell.numbers.forecasting.scalers.rev_in import RevIN
from foretell.numbers.forecasting.windows import pairs_at, split_by_time
from foretell.numbers.inference import outputs_of
from foretell.numbers.input_spec import flat
from foretell.numbers.standardisation import moments
from foretell.numbers.torch_training import TorchTraining
from foretell.parts import require

#: Windows in one pass outside training.
PREDICT_WINDOWS = 512


@dataclass(eq=False, repr=False)
class OLinearForecaster(TorchTraining, Forecaster):
    """A network of dense layers over rotated windows: scaler, basis, mixer and head, each of which can be replaced.

    basis: the orthogonal transform of a window and of its forecast (None: `OrthoTrans()`; `DCT()`, `IdentityBasis()`). mixer: how
    information passes between series (None: `NormLin()`; `CorrNormLin()` is OLinear-C; `SelfAttention()`, `Mean()`, `NoMixer()`). scaler:
    the normalisation of each window (None: `RevIN()`; `LastValue()`). width: of the encoder. hidden: width inside its dense layers (None:
    the same). copies: of the window, each times a learnt factor (d in the paper). layers: of the encoder. dropout: in the encoder and on
    the mixer's matrix. The other settings are those of `TorchTraining`, where a row is a window; the last part of the rows is held out.

    The loss is the absolute error with weight 1/sqrt(i) for step i. Series are standardised over the rows that are learnt from. A forecast
    takes one pass for all steps. The learnt shifts belong to the fitted series, so that other series need another fit.

    Cost: a window, about layers * (2 * N * width * (width + hidden) + N² * width) multiplications for N series. Memory: one batch of
    windows; all others are views. State: none between calls. Errors: those of `Forecaster`; all series constant (OrthoTrans).

    Attributes: centre_, scale_ (N,), basis_in_ (lag, lag), basis_out_ (horizon, horizon), correlation_ (N, N), network_, report_.

    Yue et al., "OLinear: A Linear Model for Time Series Forecasting in Orthogonally Transformed Domain", sections 3 and 4. Departures:
    AdamW with a warm-up and a cosine; no dropout on the forecast itself; those of OrthoTrans and RevIN.

    >>> rows = np.sin(np.arange(200.0) / 5)[:, None]
    >>> model = OLinearForecaster(lag=32, horizon=4, width=16, epochs=30, learning_rate=5e-3, random_state=0).fit(rows)
    >>> bool(np.abs(model.predict() - np.sin(np.arange(200.0, 204) / 5)[:, None]).max() < 0.1)
    True
    """

    papers = ("olinear",)

    NAME: ClassVar[str] = "olinear-forecaster"

    epochs: int = 20
    batch_size: int = 32
    weight_decay: float = 0.0
    patience: int = 5
    basis: Any = None
    mixer: Any = None
    scaler: Any = None
    width: int = 128
    hidden: int | None = None
    copies: int = 8
    layers: int = 2
    dropout: float = 0.1

    @classmethod
    def examples(cls) -> list[OLinearForecaster]:
        """Small settings for checks."""
        return [cls(lag=8, horizon=5, width=8, copies=2, layers=1, epochs=2, random_state=0)]

    def _basis(self) -> Basis:
        return OrthoTrans() if self.basis is None else self.basis

    def _mixer(self) -> Mixer:
        return NormLin() if self.mixer is None else self.mixer

    def _scaler(self) -> Scaler:
        return RevIN() if self.scaler is None else self.scaler

    def _fit_series(self, Y: np.ndarray) -> None:  # noqa: N803
        self._check_settings()
        num_known, starts, held = split_by_time(len(Y), self.lag, self.horizon, self.validation_fraction)
        self.centre_, self.scale_ = moments(Y[:num_known], flat(Y.shape[1]))
        scaled = (Y - self.centre_) / self.scale_
        basis = self._basis()
        self.basis_in_ = basis.fit(scaled[:num_known], self.lag)
        self.basis_out_ = self.basis_in_ if self.horizon == self.lag else basis.fit(scaled[:num_known], self.horizon)
        self.correlation_ = _correlation(scaled[:num_known])
        self._train(torch.as_tensor(scaled, dtype=torch.float32, device=self.device), starts, held)

    def _train(self, rows: Tensor, starts: range, held: range) -> None:
        weights = torch.arange(1, self.horizon + 1, device=self.device) ** -0.5

        def loss(network: nn.Module, batch: Sequence[Tensor]) -> Tensor:
            """batch: the starts of its windows. There are many held-out windows, so they are computed in parts."""
            total = torch.zeros((), device=self.device)
            for part in batch[0].split(max(PREDICT_WINDOWS, self.batch_size)):
                before, after = pairs_at(rows, part, self.lag, self.horizon)
                total = total + ((network(before) - after).abs() * weights).mean() * (len(part) / len(batch[0]))
            return total

        kept, held_out = (torch.as_tensor(each, device=self.device) for each in (starts, held))
        self._fit_network(self._seed()[0], [kept], loss, [held_out] if held else None)

    def _make_network(self) -> nn.Module:
        """An untrained network, from settings and fitted plain attributes alone."""
        num, hidden = len(self.centre_), self.hidden or self.width
        mixers = [self._mixer().build(self.correlation_, self.width, self.dropout) for _ in range(self.layers)]
        encoder = [EncoderLayer(layer, self.width, hidden, self.dropout) for layer in mixers]
        return ForecastNetwork(
            self._scaler().build(num),
            Lift(self.basis_in_, num, self.copies, self.width),
            nn.Sequential(*encoder, nn.LayerNorm(self.width)),
            ForecastHead(self.basis_out_, num, self.copies, self.width, hidden),
        )

    def _forecast(self, windows: np.ndarray) -> np.ndarray:
        scaled = ((windows - self.centre_) / self.scale_).swapaxes(1, 2)
        inputs = torch.as_tensor(np.ascontiguousarray(scaled), dtype=torch.float32, device=self.device)
        forecast = outputs_of(self.network_, inputs, PREDICT_WINDOWS).double().numpy()
        return forecast.swapaxes(1, 2) * self.scale_ + self.centre_

    def _check_settings(self) -> None:
        super()._check_settings()
        for name in ("width", "copies", "layers"):
            value = getattr(self, name)
            require(isinstance(value, int | np.integer) and int(value) >= 1, self, name, value, "must be a whole number of at least 1")
        require(self.hidden is None or self.hidden >= 1, self, "hidden", self.hidden, "must be at least 1, or None for the width")
        require(0 <= self.dropout < 1, self, "dropout", self.dropout, "must be 0 or above and below 1")


def _correlation(rows: np.ndarray) -> np.ndarray:
    """(N, N) correlation between series; a constant series is correlated with itself alone."""
    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.nan_to_num(np.atleast_2d(np.corrcoef(rows, rowvar=False)))
    np.fill_diagonal(found, 1.0)
    return found
