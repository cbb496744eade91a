"""Rows of tensors that may be nested: what a network is trained on and run over, taken apart by rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor


class Ragged(NamedTuple):
    """Rows of different lengths, padded. values: (n, L, ...), zeros behind the end of a row. mask: (n, L) bool, False for padding."""

    values: Tensor
    mask: Tensor


#: A tensor with n rows, a `Ragged`, or a dict of such by name.
Batch = Tensor | Ragged | dict[str, Any]


def map_tensors(change: Callable[[Tensor], Tensor], batch: Any) -> Any:
    """The batch with each of its tensors changed.

    >>> map_tensors(lambda tensor: 2 * tensor, {"a": torch.ones(2)})
    {'a': tensor([2., 2.])}
    """
    if isinstance(batch, Tensor):
        return change(batch)
    if isinstance(batch, dict):
        return {name: map_tensors(change, each) for name, each in batch.items()}
    return type(batch)(*(map_tensors(change, each) for each in batch))


def first_tensor(batch: Any) -> Tensor:
    """One of its tensors: all have the same rows and device."""
    while not isinstance(batch, Tensor):
        batch = next(iter(batch.values() if isinstance(batch, dict) else batch))
    return batch


def num_rows(batch: Any) -> int:
    """n."""
    return len(first_tensor(batch))


def take(batch: Any, rows: Tensor | slice) -> Any:
    """Some rows: by numbers or a mask (a tensor on the batch's device), or a slice.

    >>> take(Ragged(torch.arange(6.0).reshape(3, 2), torch.ones(3, 2, dtype=torch.bool)), slice(1, 2)).values
    tensor([[2., 3.]])
    """
    return map_tensors(lambda tensor: tensor[rows], batch)


def in_parts(batch: Any, size: int) -> list[Any]:
    """The batch in parts of at most `size` rows."""
    return [take(batch, slice(start, start + size)) for start in range(0, num_rows(batch), size)]


def to_double(batch: Any) -> Any:
    """The batch with its floating-point numbers in float64."""
    return map_tensors(lambda tensor: tensor.to(torch.float64) if tensor.is_floating_point() else tensor, batch)
