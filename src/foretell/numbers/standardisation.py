"""Features in their training standard deviations, for tables and for structured inputs alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from foretell.numbers.batches import Batch, Ragged
from foretell.numbers.input_spec import InputSpec


def moments(rows: Any, spec: InputSpec, weight: np.ndarray | None = None) -> tuple[Any, Any]:
    """Mean and standard deviation of each feature, float64; 1 for the deviation of one that does not vary.

    rows, spec: as `read_inputs` returns them, or a plain table (n, d). weight: (n,). The last dimension of an array holds the features;
    what is before it (steps of a series, members of a set, places of an image) is taken together; so one number a step has the shape
    (n, steps, 1). Both results are nested like `rows`, with None for tokens.

    >>> from foretell.numbers.input_spec import flat
    >>> mean, scale = moments(np.array([[1.0, 5.0], [3.0, 5.0]]), flat(2))
    >>> mean.tolist(), scale.tolist()
    ([2.0, 5.0], [1.0, 1.0])
    """
    if isinstance(spec, dict):
        found = {name: moments(rows[name], each, weight) for name, each in spec.items()}
        return {name: each[0] for name, each in found.items()}, {name: each[1] for name, each in found.items()}
    if spec.num_tokens is not None:
        return None, None
    values, counts = rows, None
    if len(spec.shape) > 1 or spec.is_ragged:
        features = [int(size or 0) for size in spec.shape[1:] and spec.shape[-1:]]  # a ragged array of plain numbers has one feature
        values = np.concatenate([np.reshape(row, (-1, *features)) for row in (rows if isinstance(rows, list) else [rows])])
        counts = [len(row) for row in rows] if isinstance(rows, list) else len(values) // len(rows)
    if weight is not None and counts is not None:
        weight = np.repeat(weight, counts)
    mean = np.average(values, axis=0, weights=weight)
    spread = np.sqrt(np.average((values - mean) ** 2, axis=0, weights=weight))
    return mean, np.where(spread > 1e-12 * np.maximum(1.0, np.abs(mean)), spread, 1.0)


def standardised(rows: Any, spec: InputSpec, mean: Any, scale: Any) -> Any:
    """The rows, nested as they are, in standard deviations from their mean; tokens are left as they are."""
    if isinstance(spec, dict):
        return {name: standardised(rows[name], each, mean[name], scale[name]) for name, each in spec.items()}
    if spec.num_tokens is not None:
        return rows
    return [(row - mean) / scale for row in rows] if isinstance(rows, list) else (rows - mean) / scale


def as_tensors(rows: Any, spec: InputSpec, device: str) -> Batch:
    """The rows as a network takes them: float32 (int64 for tokens) on the device, padded where lengths differ."""
    if isinstance(spec, dict):
        return {name: as_tensors(rows[name], each, device) for name, each in spec.items()}
    dtype = torch.float32 if spec.num_tokens is None else torch.int64
    if not spec.is_ragged:
        return torch.as_tensor(rows, dtype=dtype, device=device)
    longest = max(len(row) for row in rows)
    values = torch.zeros((len(rows), longest, *np.shape(rows[0])[1:]), dtype=dtype)
    mask = torch.zeros((len(rows), longest), dtype=torch.bool)
    for i, row in enumerate(rows):
        values[i, : len(row)], mask[i, : len(row)] = torch.as_tensor(row, dtype=dtype), True
    return Ragged(values.to(device), mask.to(device))
