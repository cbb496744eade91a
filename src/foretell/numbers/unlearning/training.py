"""Further training of a fitted estimator's network, for all methods but retraining."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from foretell.numbers.fitting import BatchLoss, fit_network
from foretell.numbers.torch_regressor import TorchRegressor


def train_further(
    estimator: TorchRegressor,
    rows: Sequence[Tensor],
    loss: BatchLoss,
    *,
    epochs: int,
    learning_rate: float,
    seed: int,
    freeze_norm_stats: bool,
    name: str,
) -> None:
    """Train `estimator.network_` in place on `rows`, at a constant rate as in the papers, with the estimator's batch size."""
    with frozen_norms(estimator.network_) if freeze_norm_stats else nullcontext():
        report = fit_network(
            estimator.network_,
            rows,
            loss,
            epochs=epochs,
            batch_size=min(estimator.batch_size, len(rows[0])),
            learning_rate=learning_rate,
            weight_decay=estimator.weight_decay,
            constant_rate=True,
            seed=seed,
            name=name,
            progress=estimator.verbose,
        )
    estimator.report_ = asdict(report)
    estimator.network_.eval()


@contextmanager
def frozen_norms(network: nn.Module) -> Iterator[None]:
    """Within the `with`, layers with running statistics use them and leave them unchanged, in training too, so that rows to forget do not
    enter them again."""
    norms = [module for module in network.modules() if isinstance(module, _NormBase) and module.running_mean is not None]
    hooks = [module.register_forward_pre_hook(lambda module, _: module.train(False) and None) for module in norms]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
