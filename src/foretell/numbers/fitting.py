"""Fits a network to rows of tensors, by the one trainer: epochs, shuffling, a held-out part, early stop."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn

from foretell.numbers.batches import Batch, first_tensor, num_rows, take
from foretell.training.settings import TrainSettings
from foretell.training.trainer import Trainer, TrainingReport

#: A loss over a batch: (network, the batch's rows of each tensor) -> one number.
BatchLoss = Callable[[nn.Module, Sequence[Any]], Tensor]


def fit_network(
    network: nn.Module,
    rows: Sequence[Batch],
    loss: BatchLoss,
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    weight_decay: float = 0.0,
    patience: int = 0,
    held_out: Sequence[Batch] | None = None,
    watch: Callable[[nn.Module], float] | None = None,
    watch_every: int | None = None,
    goal: float | None = None,
    constant_rate: bool = False,
    seed: int = 0,
    name: str = "fitting",
    progress: bool = False,
    minutes: float | None = None,
) -> TrainingReport:
    """Train `network` in place on shuffled batches of `rows`, by AdamW with a warm-up and a cosine; returns the trainer's report.

    rows: tensors, or nested ones, with equally many rows, on any device. held_out: rows whose loss is worked out after each epoch; the
    best epoch's weights are kept, and after `patience` epochs without a better one (0: never) the run ends. watch: another figure to
    watch in place of the loss on held-out rows, after each `watch_every` steps (None: an epoch); the run ends when it is down at `goal`.
    constant_rate: no warm-up and no cosine. minutes: the longest run. The same seed gives the same weights on the same machine.

    >>> x = torch.linspace(-1, 1, 64)[:, None]
    >>> line = nn.Linear(1, 1)
    >>> squares = lambda network, batch: (network(batch[0]) - 2 * batch[0]).square().mean()
    >>> fit_network(line, [x], squares, epochs=60, batch_size=16, learning_rate=0.1).finished
    True
    >>> round(line.weight.item(), 1)
    2.0
    """
    num, device = num_rows(rows[0]), first_tensor(rows[0]).device
    per_epoch = math.ceil(num / batch_size)

    @lru_cache(maxsize=1)
    def order(epoch: int) -> Tensor:
        generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
        return torch.randperm(num, generator=generator).to(device)

    def batch_at(step: int, size: int) -> list[Any]:
        epoch, part = divmod(step, per_epoch)
        places = order(epoch)[part * size : (part + 1) * size]
        return [take(each, places) for each in rows]

    settings = TrainSettings(
        steps=epochs * per_epoch,
        minutes=minutes,
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        batch=batch_size,
        evaluate_every=watch_every or per_epoch,
        patience=patience if held_out is not None else 0,
        goal=goal,
        seed=seed,
        warmup=0.0 if constant_rate else 0.04,
        last=1.0 if constant_rate else 0.1,
    )
    if watch is None and held_out is not None:
        watch = lambda network: float(loss(network, held_out))  # noqa: E731
    return Trainer(network, lambda network, batch, step: loss(network, batch), batch_at, settings, watch, name=name).run(progress=progress)
