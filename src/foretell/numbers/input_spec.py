"""What a row of X is: a description that estimators read from X and bodies build their layers for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import issparse

from foretell.errors import UserError


@dataclass(frozen=True)
class ArrayInput:
    """One array of a row. shape: without the rows; None in the first place where rows have different lengths. num_tokens: None for
    numbers, which come standardised; else whole numbers from 0 to num_tokens - 1, which come as they are.

    >>> str(ArrayInput((None, 3))), str(ArrayInput((8,), num_tokens=50))
    ('numbers (any, 3)', '50 tokens (8,)')
    """

    shape: tuple[int | None, ...]
    num_tokens: int | None = None

    @property
    def is_ragged(self) -> bool:
        """Whether rows have different lengths: such inputs come to layers as `batches.Ragged`."""
        return None in self.shape

    def __str__(self) -> str:
        sizes = ["any" if size is None else str(size) for size in self.shape]
        kind = "numbers" if self.num_tokens is None else f"{self.num_tokens} tokens"
        return f"{kind} ({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"


#: A row is one array, or several by name, which may be nested.
InputSpec = ArrayInput | dict[str, Any]


@dataclass(frozen=True, eq=False)
class Tokens:
    """Marks an array of X as token ids, which are not standardised. values: (n, length) whole numbers, or n arrays (length,) of
    different lengths. num_tokens: size of the vocabulary."""

    values: Any
    num_tokens: int


def flat(num_features: int) -> ArrayInput:
    """The input of a plain table: rows of `num_features` numbers."""
    return ArrayInput((num_features,))


def flat_width(inputs: InputSpec, owner: object) -> int:
    """The number of columns, for bodies that take rows of a plain table; UserError naming the body for anything else.

    >>> flat_width(flat(4), None)
    4
    """
    if isinstance(inputs, ArrayInput) and inputs.num_tokens is None and len(inputs.shape) == 1 and inputs.shape[0] is not None:
        return inputs.shape[0]
    name = type(owner).__name__
    raise UserError(f"body={name} takes rows of numbers (columns,), but a row of X is {described(inputs)}; take a body that is made for it")


def described(inputs: InputSpec) -> str:
    """For error messages.

    >>> described({"series": ArrayInput((None, 2)), "place": ArrayInput((3,))})
    '{series: numbers (any, 2), place: numbers (3,)}'
    """
    if isinstance(inputs, ArrayInput):
        return str(inputs)
    return "{" + ", ".join(f"{name}: {described(each)}" for name, each in inputs.items()) + "}"


def to_plain(inputs: InputSpec) -> Any:
    """Tuples and dicts, as fitted attributes are kept; the inverse is `from_plain`."""
    return {name: to_plain(each) for name, each in inputs.items()} if isinstance(inputs, dict) else (inputs.shape, inputs.num_tokens)


def from_plain(plain: Any) -> InputSpec:
    """The inverse of `to_plain`."""
    return {name: from_plain(each) for name, each in plain.items()} if isinstance(plain, dict) else ArrayInput(tuple(plain[0]), plain[1])


def is_structured(X: Any) -> bool:  # noqa: N803
    """Whether X is more than a table: an array of three or more dimensions, arrays of different lengths, or several arrays by name."""
    if isinstance(X, dict | Tokens):
        return not issparse(X)  # one of SciPy's sparse formats is a dict
    if isinstance(X, np.ndarray):
        return X.ndim > 2
    arrays = isinstance(X, list | tuple) and len(X) > 0 and all(isinstance(each, np.ndarray) and each.ndim > 0 for each in X)
    return arrays and (X[0].ndim > 1 or len({len(each) for each in X}) > 1)


def read_inputs(X: Any, name: str = "X") -> tuple[Any, InputSpec]:  # noqa: N803
    """A structured X as float64 arrays (int64 for tokens), lists of such where lengths differ, and dicts of these; and what a row of it
    is. UserError naming the array and row with what is no finite number, and arrays with different numbers of rows."""
    if isinstance(X, dict):
        if not X:
            raise UserError(f"{name} is an empty dict; give one array at least")
        found = {key: read_inputs(each, f"{name}[{key!r}]") for key, each in X.items()}
        counts = {key: len(_first(rows)) for key, (rows, _) in found.items()}
        if len(set(counts.values())) > 1:
            raise UserError(f"{name}: arrays have different numbers of rows, {counts}")
        return {key: rows for key, (rows, _) in found.items()}, {key: spec for key, (_, spec) in found.items()}
    num_tokens = X.num_tokens if isinstance(X, Tokens) else None
    rows = _arrays(X.values if isinstance(X, Tokens) else X, np.float64 if num_tokens is None else np.int64, name)
    for i, row in enumerate(rows):
        if num_tokens is None and not np.isfinite(row).all():
            raise UserError(f"{name}: row {i} holds NaN or infinity; fill the gaps first")
        if num_tokens is not None and row.size and not 0 <= row.min() <= row.max() < num_tokens:
            raise UserError(f"{name}: row {i} holds tokens from {row.min()} to {row.max()}; they must lie in 0 to {num_tokens - 1}")
    if isinstance(rows, list):
        return rows, ArrayInput((None, *rows[0].shape[1:]), num_tokens)
    return rows, ArrayInput(rows.shape[1:], num_tokens)


def conformed(rows: Any, spec: InputSpec, fitted: InputSpec, name: str = "X") -> Any:
    """What `read_inputs` returned, as rows of the description that an estimator was fitted to; UserError naming where it differs."""
    if isinstance(fitted, dict):
        if not isinstance(spec, dict) or set(spec) != set(fitted):
            raise UserError(f"{name} is {described(spec)}, but fitting had {described(fitted)}")
        return {key: conformed(rows[key], spec[key], each, f"{name}[{key!r}]") for key, each in fitted.items()}
    same = isinstance(spec, ArrayInput) and spec.num_tokens == fitted.num_tokens and len(spec.shape) == len(fitted.shape)
    if not same or any(size is not None and size != given for size, given in zip(fitted.shape, spec.shape, strict=True)):  # type: ignore[union-attr]
        raise UserError(f"{name} has rows of {described(spec)}, but fitting had {described(fitted)}")
    return list(rows) if fitted.is_ragged else rows


def select(rows: Any, places: np.ndarray) -> Any:
    """Some rows of what `read_inputs` returned, by their numbers."""
    if isinstance(rows, dict):
        return {name: select(each, places) for name, each in rows.items()}
    return [rows[i] for i in places] if isinstance(rows, list) else rows[places]


def count_rows(rows: Any) -> int:
    """Of what `read_inputs` returned."""
    return len(_first(rows))


def _first(rows: Any) -> Any:
    return _first(next(iter(rows.values()))) if isinstance(rows, dict) else rows


def _arrays(values: Any, dtype: Any, name: str) -> np.ndarray | list[np.ndarray]:
    """One array with n rows, or a list of n arrays where their lengths differ."""
    try:
        if isinstance(values, Sequence) and len({np.shape(each) for each in values}) > 1:
            rows = [np.asarray(each, dtype=dtype) for each in values]
            if len({row.shape[1:] for row in rows}) > 1 or min(row.ndim for row in rows) == 0 or min(map(len, rows)) == 0:
                raise UserError(
                    f"{name}: rows may differ in length alone, none of them empty; their shapes are {[row.shape for row in rows[:5]]}"
                )
            return rows
        found = np.asarray(values, dtype=dtype)
    except (TypeError, ValueError) as error:
        raise UserError(f"{name} must hold numbers ({error})") from error
    if found.ndim == 0 or found.size == 0:
        raise UserError(f"{name} has the shape {found.shape}; give one row at least, and numbers in it")
    return found
