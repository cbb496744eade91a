"""`TorchTraining`: the settings of fitting a network, and the fitting, for estimators and forecasters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from torch import nn

from foretell.errors import UserError
from foretell.models.one_thread import one_thread
from foretell.numbers.batches import Batch, num_rows
from foretell.numbers.fitting import BatchLoss, fit_network
from foretell.numbers.inference import SMALL
from foretell.parts import require
from foretell.training.trainer import TrainingReport


@dataclass(eq=False, repr=False)
class TorchTraining(BaseEstimator, ABC):
    """Abstract: an estimator with one PyTorch network. Subclasses are dataclasses too (`eq=False, repr=False`), so that settings are
    inherited.

    epochs: passes over the rows. batch_size: rows a step. learning_rate: the highest, of AdamW under a cosine. weight_decay: on
    matrices. validation_fraction: share of the rows held out to keep the best epoch; 0 holds out none. patience: epochs without a
    better one after which fitting ends (0: never). random_state: an int gives the same weights again. device: a PyTorch device,
    "cpu" by default. verbose: show a progress bar.

    Attributes: network_ (the fitted module), report_ (a `TrainingReport` as a dict: steps, seconds and history of fitting).
    """

    epochs: int = 100
    batch_size: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    validation_fraction: float = 0.1
    patience: int = 10
    random_state: Any = None
    device: str = "cpu"
    verbose: bool = False

    @abstractmethod
    def _make_network(self) -> nn.Module:
        """An untrained network, from settings and fitted plain attributes alone: fitting, loading and unlearning make it by this."""

    def _seed(self) -> tuple[int, np.random.RandomState]:
        """The seed of the weights and of the order of batches, and the generator that it was drawn from, for further draws."""
        rng = check_random_state(self.random_state)
        return int(rng.randint(np.iinfo(np.int32).max)), rng

    def _fresh_network(self, seed: int) -> nn.Module:
        """An untrained network whose weights follow from the seed, without disturbing anybody's random numbers."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self._make_network().to(self.device)

    def _fit_network(
        self,
        seed: int,
        rows: Sequence[Batch],
        loss: BatchLoss,
        held_out: Sequence[Batch] | None,
        watch: Callable[[nn.Module], float] | None = None,
    ) -> None:
        """Make network_ and fit it to `rows`; sets report_. held_out, watch: see `fit_network`."""
        self.network_ = self._fresh_network(seed)
        with self._threads():
            report = self._fitted(rows, loss, held_out, watch, seed)
        self.report_ = asdict(report)
        self.network_.eval()

    def _threads(self) -> AbstractContextManager[None]:
        """One thread for a small network on a CPU: waking others costs more than they save, and much more on a busy machine."""
        small = sum(parameter.numel() for parameter in self.network_.parameters()) <= SMALL
        return one_thread() if small and self.device == "cpu" else nullcontext()

    def _fitted(
        self,
        rows: Sequence[Batch],
        loss: BatchLoss,
        held_out: Sequence[Batch] | None,
        watch: Callable[[nn.Module], float] | None,
        seed: int,
    ) -> TrainingReport:
        return fit_network(
            self.network_,
            rows,
            loss,
            epochs=self.epochs,
            batch_size=min(self.batch_size, num_rows(rows[0])),
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            patience=self.patience,
            held_out=held_out,
            watch=watch,
            seed=seed,
            name=type(self).__name__,
            progress=self.verbose,
        )

    def _check_settings(self) -> None:
        """UserError naming a setting with its value and what it must be."""
        for name in ("epochs", "batch_size"):
            value = getattr(self, name)
            require(isinstance(value, int | np.integer) and int(value) >= 1, self, name, value, "must be a whole number of at least 1")
        require(self.learning_rate > 0, self, "learning_rate", self.learning_rate, "must be above 0")
        require(self.weight_decay >= 0, self, "weight_decay", self.weight_decay, "must be 0 or above")
        require(0 <= self.validation_fraction < 1, self, "validation_fraction", self.validation_fraction, "must be 0 or above, below 1")
        require(self.patience >= 0, self, "patience", self.patience, "must be 0 or above")
        try:
            torch.empty(0, device=self.device)
        except (RuntimeError, AssertionError) as error:  # unknown, or not built into this PyTorch
            raise UserError(f"{type(self).__name__}: device={self.device!r} is not to be had here ({error}); take 'cpu'") from error
