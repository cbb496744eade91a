"""`TorchEstimator`: what estimators with a PyTorch network share: checks, standardised inputs, targets, and what unlearning needs."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data
from torch import Tensor, nn

from foretell.errors import UserError
from foretell.numbers.batches import num_rows, take
from foretell.numbers.inference import outputs_of
from foretell.numbers.input_spec import (
    InputSpec,
    conformed,
    count_rows,
    described,
    flat,
    from_plain,
    is_structured,
    read_inputs,
    select,
    to_plain,
)
from foretell.numbers.standardisation import as_tensors, moments, standardised
from foretell.numbers.torch_training import TorchTraining

#: Rows that go through a network at once when nothing is learnt.
PREDICT_ROWS = 4096


@dataclass(eq=False, repr=False)
class TorchEstimator(TorchTraining):
    """Abstract: inputs are standardised, a network is fitted to encoded targets. A subclass says how the network is made and what its
    loss is; settings are those of `TorchTraining`.

    X is a table (n, d). Where a subclass takes `structured_inputs`, it is instead an array (n, ..., d), a list of n arrays that differ in
    length, or a dict of these by name; its body must be made for that. y is (n,), or (n, k) where `_takes_several_targets` says so.

    Attributes: those of `TorchTraining`; n_features_in_ and feature_names_in_ of a table (names where columns have them);
    input_spec_ of structured inputs (see `input_spec.to_plain`); n_outputs_ (targets); mean_, scale_ (of features).
    """

    #: Checks of scikit-learn's `check_estimator` that are not met, each with its reason.
    CHECKS_NOT_MET: ClassVar[dict[str, str]] = {
        "check_sample_weight_equivalence_on_dense_data": "batches of repeated rows are other batches than those of weighted rows",
    }
    #: Whether X may be more than a table.
    structured_inputs: ClassVar[bool] = False
    n_outputs_ = 1  #: of estimators that were saved before there were several

    # What a subclass says.

    def _takes_several_targets(self) -> bool:
        """Whether y may have several columns."""
        return False

    def _residual_targets(self, X: Any, y: np.ndarray, sample_weight: np.ndarray | None) -> np.ndarray:  # noqa: N803
        """What of the targets the network is to learn, from standardised rows: all of them, unless a subclass takes a part off."""
        return y

    @abstractmethod
    def _fit_encoding(self, y: np.ndarray, sample_weight: np.ndarray | None) -> None:
        """Learn from all training targets what encoding needs; set it as attributes ending in `_` (plain data)."""

    @abstractmethod
    def _encode(self, y: np.ndarray) -> Tensor:
        """Targets as the loss takes them, (n, ...)."""

    @abstractmethod
    def _row_losses(self, network: nn.Module, inputs: Any, encoded: Tensor) -> Tensor:
        """The loss of each row, (n,)."""

    # What they share.

    @property
    def inputs_(self) -> InputSpec:
        """What a row of X is, as bodies are built for it."""
        return from_plain(self.input_spec_) if hasattr(self, "input_spec_") else flat(self.n_features_in_)

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:  # noqa: N803
        """Fit to X and y. sample_weight: (n,), weights of the rows' losses; 0 leaves a row out. Forgets an earlier fit."""
        self._check_settings()
        columns = 1 if y is None or np.asarray(y).ndim < 2 else np.asarray(y).shape[1]
        if columns > 1 and not self._takes_several_targets():
            name = type(self).__name__
            raise UserError(f"{name}: y has {columns} columns; give one, or wrap it: sklearn.multioutput.MultiOutputRegressor({name}())")
        rows, y = self._read(X, y, columns)
        weight = None if sample_weight is None else _check_sample_weight(sample_weight, y, dtype=np.float64, ensure_non_negative=True)
        if weight is not None:
            some = np.flatnonzero(weight > 0)  # a row without weight is as good as absent, in what is held out too
            if len(some) < 2:
                raise UserError(f"sample_weight has {len(some)} rows above 0; give at least two")
            rows, y, weight = select(rows, some), y[some], weight[some]
        self.n_outputs_ = columns
        self.mean_, self.scale_ = moments(rows, self.inputs_, weight)
        y = self._residual_targets(standardised(rows, self.inputs_, self.mean_, self.scale_), y, weight)
        self._fit_encoding(y, weight)
        self._train(self._rows(rows, y, weight))
        return self

    def _read(self, X: Any, y: Any, columns: int) -> tuple[Any, np.ndarray]:  # noqa: N803
        """Checked X and y for a fit; sets what X is."""
        self._forget("input_spec_")
        checks = {"y_numeric": True, "ensure_min_samples": 2, "multi_output": columns > 1}
        if not self._is_structured(X):
            X, y = checked_numbers(self, X, y, **checks)  # noqa: N806
            return np.asarray(X, dtype=np.float64), np.asarray(y, dtype=np.float64)
        rows, spec = read_inputs(X)
        _, y = checked_numbers(self, np.zeros((count_rows(rows), 1)), y, **checks)
        check_consistent_length(range(count_rows(rows)), y)
        self._forget("n_features_in_", "feature_names_in_")
        self.input_spec_ = to_plain(spec)
        return rows, np.asarray(y, dtype=np.float64)

    def _forget(self, *names: str) -> None:
        """Remove attributes of an earlier fit."""
        for name in names:
            self.__dict__.pop(name, None)

    def _is_structured(self, X: Any) -> bool:  # noqa: N803
        found = is_structured(X)
        if found and not self.structured_inputs:
            given = described(read_inputs(X)[1])
            raise UserError(f"{type(self).__name__}: a row of X is {given}, but it takes tables (n, d) only")
        return found

    def _rows(self, X: Any, y: np.ndarray, weight: np.ndarray | None = None) -> list[Any]:  # noqa: N803
        """Checked rows as `_batch_loss` takes them, on the device: inputs, encoded targets, weights whose mean is 1."""
        weights = torch.ones(len(y)) if weight is None else torch.as_tensor(weight / weight.mean(), dtype=torch.float32)
        return [self._inputs(X), self._encode(y).to(self.device), weights.to(self.device)]

    def _train(self, rows: Sequence[Any]) -> None:
        seed, rng = self._seed()
        kept, held = self._split(rows, torch.as_tensor(rng.permutation(num_rows(rows[0])), device=self.device))
        self._fit_network(seed, kept, self._batch_loss, held, None if held is None else lambda network: float(self._watch(network, held)))
        self._calibrate(held or [take(each, slice(0, 0)) for each in rows])

    def _calibrate(self, held_out: Sequence[Any]) -> None:
        """Learn from rows that the network was not fitted to (none where nothing is held out): inputs, encoded targets, weights."""

    def _split(self, rows: Sequence[Any], order: Tensor) -> tuple[list[Any], list[Any] | None]:
        """The rows that are learnt, and those that are held out where there are any, by a random order of them."""
        num_held = int(self.validation_fraction * len(order))
        kept, held = order[num_held:], order[:num_held]
        return [take(each, kept) for each in rows], [take(each, held) for each in rows] if num_held else None

    def _batch_loss(self, network: nn.Module, batch: Sequence[Any]) -> Tensor:
        """batch: inputs, encoded targets, weights whose mean over all rows is 1."""
        return (self._row_losses(network, batch[0], batch[1]) * batch[2]).mean()

    def _watch(self, network: nn.Module, held_out: Sequence[Any]) -> Tensor:
        """What the best epoch is chosen by, on the rows held out; the loss, unless a subclass says otherwise."""
        return self._batch_loss(network, held_out)

    def _inputs(self, X: Any) -> Any:  # noqa: N803
        """Checked features as the network takes them: standardised tensors on the device."""
        return as_tensors(standardised(X, self.inputs_, self.mean_, self.scale_), self.inputs_, self.device)

    def _checked(self, X: Any) -> Any:  # noqa: N803
        """X for a fitted estimator: the same columns or arrays, finite numbers."""
        check_is_fitted(self, "network_")
        if hasattr(self, "input_spec_"):
            return conformed(*read_inputs(X), self.inputs_)
        if is_structured(X):
            raise UserError(
                f"{type(self).__name__}: a row of X is {described(read_inputs(X)[1])}, but fitting had {described(self.inputs_)}"
            )
        return np.asarray(checked_numbers(self, X, reset=False), dtype=np.float64)

    def _outputs(self, X: Any) -> Tensor:  # noqa: N803
        """The network's outputs for rows of X, on the CPU."""
        inputs = self._inputs(self._checked(X))  # first, since it says so where nothing is fitted
        return outputs_of(self.network_, inputs, PREDICT_ROWS)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = self._takes_several_targets()
        tags.input_tags.three_d_array = self.structured_inputs
        return tags


def checked_numbers(estimator: Any, *data: Any, **checks: Any) -> Any:
    """scikit-learn's checks of features and targets, with advice where there is text."""
    try:
        return validate_data(estimator, *data, dtype="numeric", **checks)
    except ValueError as error:
        if "could not convert string" not in str(error):
            raise
        advice = "encode columns of text first, for example by sklearn.preprocessing.OneHotEncoder"
        raise UserError(f"{type(estimator).__name__}: {error}; {advice}") from error
