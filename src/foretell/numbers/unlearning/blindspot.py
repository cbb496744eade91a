"""`Blindspot`: on rows to forget, imitate a network that never saw them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from foretell.numbers.fitting import fit_network
from foretell.numbers.torch_regressor import TorchRegressor
from foretell.numbers.unlearning.activations import OUTPUT, attention_distance, exposed, record
from foretell.numbers.unlearning.base import ForgetRequest, UnlearningMethod
from foretell.numbers.unlearning.training import train_further
from foretell.parts import require

#: Warn where more than this share of batches would hold no row to forget.
EMPTY_BATCHES = 0.25


@dataclass(eq=False, repr=False)
class Blindspot(UnlearningMethod):
    """A fresh copy of the network, the blind one, is trained briefly on retained rows only. Then the fitted network is trained further on
    mixed batches: on retained rows by its own loss, on rows to forget towards the outputs of the blind network (and, weighted by `beta`,
    towards the activations of its layers). The loss of a batch is the mean over its rows, so that batches with rows of one kind only need
    no special case.

    epochs, learning_rate: passes over all rows and the rate, constant. beta: weight of the distance of layers; 0 matches outputs only.
    layers: names of modules to match (as in `network_.named_modules()`); None takes all activation functions that run on whole batches.
    blind_epochs, blind_learning_rate: brief training of the blind network, about a tenth of the original's epochs or less.
    freeze_norm_stats: running statistics of norm layers are used as they are.

    Needs: a `TorchRegressor`. Outputs are matched by their absolute difference, distributions by their cross-entropy. Cost: `blind_epochs`
    epochs of the retained rows, and `epochs` of all with one more pass for those to forget. Errors: UserError for unknown layers; a warning
    where beta has no layer to act on, and where many batches hold no row to forget.

    Tarun, Chundawat, Mandal & Kankanhalli, "Deep Regression Unlearning" (ICML 2023). Departures: the estimator's own loss on retained rows
    (theirs: L1 or the task's); AdamW with the estimator's weight decay instead of Adam; dense layers, which have no spatial dimensions, are
    matched by their normalised squares.
    """

    papers = ("regression-unlearning",)

    plainly: ClassVar[str] = (
        "A second model that never saw the rows to forget was trained briefly, and the model was taught to answer for these rows "
        "as that one does, while it went on learning the rows that stay."
    )

    epochs: int = 1
    learning_rate: float = 1e-3
    beta: float = 50.0
    layers: tuple[str, ...] | None = None
    blind_epochs: int = 2
    blind_learning_rate: float = 1e-2
    freeze_norm_stats: bool = False

    def apply(self, estimator: Any, request: ForgetRequest) -> Any:
        self._check("epochs", "blind_epochs", above_zero=("learning_rate", "blind_learning_rate"))
        require(self.beta >= 0, self, "beta", self.beta, "must be 0 (outputs only) or above")
        layers = self._layers(estimator)
        self._warn_of_empty_batches(estimator, request)
        blind = self.blind_network(estimator, request)
        mask = torch.as_tensor(request.forget, device=estimator.device)

        def loss(network: nn.Module, batch: Sequence[Tensor]) -> Tensor:
            inputs, encoded, weights, forget = batch
            with record(network, [OUTPUT, *layers]) as ours:
                losses = estimator._row_losses(network, inputs, encoded)
            if forget.any():
                if OUTPUT not in ours:  # the loss of some networks needs only a part of what they put out
                    with record(network, [OUTPUT, *layers]) as ours:
                        network(inputs)
                away = self._unlikeness(estimator, {name: seen[forget] for name, seen in ours.items()}, blind, inputs[forget])
                losses = losses.masked_scatter(forget, away.to(losses.dtype))  # outputs with a linear part may be float64
            return (losses * weights).mean()

        train_further(
            estimator,
            [*estimator._rows(request.X, request.y, request.sample_weight), mask],
            loss,
            epochs=self.epochs,
            learning_rate=self.learning_rate,
            seed=request.seed,
            freeze_norm_stats=self.freeze_norm_stats,
            name="Blindspot",
        )
        return estimator

    def blind_network(self, estimator: TorchRegressor, request: ForgetRequest) -> nn.Module:
        """A network like the estimator's, trained briefly on the retained rows."""
        rows = estimator._rows(*request.retained)
        blind = estimator._fresh_network(request.seed)
        fit_network(
            blind,
            rows,
            estimator._batch_loss,
            epochs=self.blind_epochs,
            batch_size=min(estimator.batch_size, len(rows[0])),
            learning_rate=self.blind_learning_rate,
            weight_decay=estimator.weight_decay,
            seed=request.seed,
            name="blind network",
            progress=estimator.verbose,
        )
        return blind.eval().requires_grad_(False)

    def _unlikeness(self, estimator: TorchRegressor, ours: dict[str, Tensor], blind: nn.Module, inputs: Tensor) -> Tensor:
        """(n,): the distance of rows to forget from the blind network's outputs and activations."""
        with torch.no_grad(), record(blind, list(ours)) as theirs:
            blind(inputs)
        outputs, others = ours.pop(OUTPUT), theirs.pop(OUTPUT)
        found = estimator._imitation(outputs, others)
        return found + self.beta * attention_distance(ours, theirs) if ours else found

    def _layers(self, estimator: TorchRegressor) -> tuple[str, ...]:
        if self.beta == 0:
            return ()
        whole = (name for name in exposed(estimator.network_) if not name.startswith(estimator.in_parts))
        layers = tuple(whole if self.layers is None else self.layers)
        if not layers:
            warnings.warn(
                f"beta={self.beta} has no layer to act on, so outputs alone are matched; name layers=, or set beta=0", stacklevel=4
            )
        with record(estimator.network_, layers):  # raises for unknown names
            return layers

    def _warn_of_empty_batches(self, estimator: TorchRegressor, request: ForgetRequest) -> None:
        share = float(request.forget.mean())
        empty = (1 - share) ** min(estimator.batch_size, len(request.forget))
        if empty > EMPTY_BATCHES:
            warnings.warn(
                f"batch_size={estimator.batch_size} is small for {share:.2%} of rows to forget: some {empty:.0%} of batches hold none; "
                f"use {type(estimator).__name__}.set_params(batch_size=...) with a larger one, or more epochs",
                stacklevel=4,
            )
