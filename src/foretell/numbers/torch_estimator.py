"""`TorchEstimator`: what all estimators with a PyTorch network share. Fitting, scaling, batches; and what unlearning needs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data
from torch import Tensor, nn

from foretell.errors import UserError
from foretell.numbers.fitting import fit_network
from foretell.numbers.inference import outputs_of
from foretell.parts import require

#: Rows that go through a network at once when nothing is learnt.
PREDICT_ROWS = 4096


@dataclass(eq=False, repr=False)
class TorchEstimator(BaseEstimator, ABC):
    """Abstract: features are standardised, a network is fitted to encoded targets. Subclasses are dataclasses too (`eq=False,
    repr=False`), so that settings are inherited, and say how the network is made and what its loss is.

    epochs: passes over the rows. batch_size: rows a step. learning_rate: the highest, of AdamW under a cosine. weight_decay: on
    matrices. validation_fraction: share of the rows held out to keep the best epoch; 0 holds out none. patience: epochs without a
    better one after which fitting ends (0: never). random_state: an int gives the same weights again. device: a PyTorch device,
    "cpu" by default. verbose: show a progress bar.

    Attributes: network_ (the fitted module), n_features_in_, feature_names_in_ (where columns have names), mean_, scale_ (of
    features), report_ (steps, seconds and history of fitting).
    """

    #: Checks of scikit-learn's `check_estimator` that are not met, each with its reason.
    CHECKS_NOT_MET: ClassVar[dict[str, str]] = {
        "check_sample_weight_equivalence_on_dense_data": "batches of repeated rows are other batches than those of weighted rows",
    }

    epochs: int = 100
    batch_size: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 1e-4
    validation_fraction: float = 0.1
    patience: int = 10
    random_state: Any = None
    device: str = "cpu"
    verbose: bool = False

    # What a subclass says.

    def _rest(self, X: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None) -> np.ndarray:  # noqa: N803
        """What of the targets the network is to learn, from standardised rows: all of them, unless a subclass takes a part off."""
        return y

    @abstractmethod
    def _settle(self, y: np.ndarray, sample_weight: np.ndarray | None) -> None:
        """Learn from all training targets what encoding needs; set it as attributes ending in `_` (plain data)."""

    @abstractmethod
    def _make_network(self) -> nn.Module:
        """An untrained network, from settings and fitted plain attributes alone: fitting, loading and unlearning make it by this."""

    @abstractmethod
    def _encode(self, y: np.ndarray) -> Tensor:
        """Targets as the loss takes them, (n, ...)."""

    @abstractmethod
    def _row_losses(self, network: nn.Module, inputs: Tensor, encoded: Tensor) -> Tensor:
        """The loss of each row, (n,)."""

    # What they share.

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:  # noqa: N803
        """Fit to X (n, d) and y (n,). sample_weight: (n,), weights of the rows' losses; 0 leaves a row out. Forgets an earlier fit."""
        self._check_settings()
        columns = 1 if y is None or np.asarray(y).ndim < 2 else np.asarray(y).shape[1]
        if columns > 1:
            name = type(self).__name__
            raise UserError(f"{name}: y has {columns} columns; give one, or wrap it: sklearn.multioutput.MultiOutputRegressor({name}())")
        X, y = _numbers(self, X, y, y_numeric=True, ensure_min_samples=2)  # noqa: N806
        X, y = np.asarray(X, dtype=np.float64), np.asarray(y, dtype=np.float64)  # noqa: N806
        weight = None if sample_weight is None else _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        if weight is not None:
            some = weight > 0  # a row without weight is as good as absent, in what is held out too
            if some.sum() < 2:
                raise UserError(f"sample_weight has {some.sum()} rows above 0; give at least two")
            X, y, weight = X[some], y[some], weight[some]  # noqa: N806
        self.mean_ = np.average(X, axis=0, weights=weight)
        spread = np.sqrt(np.average((X - self.mean_) ** 2, axis=0, weights=weight))
        self.scale_ = np.where(spread > 1e-12 * np.maximum(1.0, np.abs(self.mean_)), spread, 1.0)
        y = self._rest((X - self.mean_) / self.scale_, y, weight)
        self._settle(y, weight)
        self._train(self._rows(X, y, weight))
        return self

    def _rows(self, X: np.ndarray, y: np.ndarray, weight: np.ndarray | None = None) -> list[Tensor]:  # noqa: N803
        """Checked rows as `_batch_loss` takes them, on the device: inputs, encoded targets, weights whose mean is 1."""
        weights = torch.ones(len(y)) if weight is None else torch.as_tensor(weight / weight.mean(), dtype=torch.float32)
        return [self._inputs(X), self._encode(y).to(self.device), weights.to(self.device)]

    def _train(self, rows: Sequence[Tensor]) -> None:
        rng = check_random_state(self.random_state)
        seed = int(rng.randint(np.iinfo(np.int32).max))
        kept, held = self._split(rows, torch.as_tensor(rng.permutation(len(rows[0])), device=self.device))
        self.network_ = self._fresh_network(seed)
        report = fit_network(
            self.network_,
            kept,
            self._batch_loss,
            epochs=self.epochs,
            batch_size=min(self.batch_size, len(kept[0])),
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            patience=self.patience,
            held_out=held,
            watch=None if held is None else lambda network: float(self._watch(network, held)),
            seed=seed,
            name=type(self).__name__,
            progress=self.verbose,
        )
        self.report_ = asdict(report)
        self.network_.eval()
        self._calibrate(held or [tensor[:0] for tensor in rows])

    def _calibrate(self, held_out: Sequence[Tensor]) -> None:
        """Learn from rows that the network was not fitted to (none where nothing is held out): inputs, encoded targets, weights."""

    def _split(self, rows: Sequence[Tensor], order: Tensor) -> tuple[list[Tensor], list[Tensor] | None]:
        """The rows that are learnt, and those that are held out where there are any, by a random order of them."""
        num_held = int(self.validation_fraction * len(order))
        kept, held = order[num_held:], order[:num_held]
        return [tensor[kept] for tensor in rows], [tensor[held] for tensor in rows] if num_held else None

    def _fresh_network(self, seed: int) -> nn.Module:
        """An untrained network whose weights follow from the seed, without disturbing anybody's random numbers."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self._make_network().to(self.device)

    def _batch_loss(self, network: nn.Module, batch: Sequence[Tensor]) -> Tensor:
        """batch: inputs, encoded targets, weights whose mean over all rows is 1."""
        return (self._row_losses(network, batch[0], batch[1]) * batch[2]).mean()

    def _watch(self, network: nn.Module, held_out: Sequence[Tensor]) -> Tensor:
        """What the best epoch is chosen by, on the rows held out; the loss, unless a subclass says otherwise."""
        return self._batch_loss(network, held_out)

    def _inputs(self, X: np.ndarray) -> Tensor:  # noqa: N803
        """Checked features as the network takes them: standardised, float32, on the device."""
        return torch.as_tensor((X - self.mean_) / self.scale_, dtype=torch.float32, device=self.device)

    def _checked(self, X: Any) -> np.ndarray:  # noqa: N803
        """X for a fitted estimator: the same columns, finite numbers."""
        check_is_fitted(self, "network_")
        return np.asarray(_numbers(self, X, reset=False), dtype=np.float64)

    def _outputs(self, X: Any) -> Tensor:  # noqa: N803
        """The network's outputs for rows of X, on the CPU."""
        inputs = self._inputs(self._checked(X))  # first, since it says so where nothing is fitted
        return outputs_of(self.network_, inputs, PREDICT_ROWS)

    def _check_settings(self) -> None:
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


def _numbers(estimator: BaseEstimator, *data: Any, **checks: Any) -> Any:
    """scikit-learn's checks of features and targets, with advice where there is text."""
    try:
        return validate_data(estimator, *data, dtype="numeric", **checks)
    except ValueError as error:
        if "could not convert string" not in str(error):
            raise
        advice = "encode columns of text first, for example by sklearn.preprocessing.OneHotEncoder"
        raise UserError(f"{type(estimator).__name__}: {error}; {advice}") from error
