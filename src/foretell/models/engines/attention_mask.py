"""Which slots each row of a plan may look at, worked out once per forward and shared by all layers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from foretell.models.plan import Plan


@dataclass
class SequenceMask:
    """One sequence of a plan: its `rows`, the slots of its keys, and per window length which row sees which key.

    keys: slots, as a slice where they are contiguous (a view instead of a gather). masks: window (0: none) to a boolean
    tensor (rows, keys).
    """

    rows: slice
    keys: slice | Tensor
    masks: dict[int, Tensor] = field(default_factory=dict)


def sequence_masks(plan: Plan, windows: Iterable[int], device: torch.device) -> list[SequenceMask]:
    """One mask per sequence that has rows, for every window length in use."""
    masks = []
    for number, (first, last) in enumerate(zip(plan.bounds, plan.bounds[1:], strict=False)):
        if first == last:
            continue
        prefix = plan.prefix[plan.prefix_start[number] : plan.prefix_start[number + 1]]
        starts = plan.tail_start[first : last + 1]
        tail, lengths = plan.tail[starts[0] : starts[-1]], np.diff(starts)
        row = np.repeat(np.arange(last - first), lengths)
        depth = np.arange(len(tail)) - np.repeat(starts[:-1] - starts[0], lengths)

        # All rows that share a slot see it at the same depth, so a slot has one position for all of them.
        depth_of = np.full(int(tail.max()) + 1, -1)
        depth_of[tail] = depth
        drafted = np.flatnonzero(depth_of >= 0)
        column_of = np.empty_like(depth_of)
        column_of[drafted] = np.arange(len(prefix), len(prefix) + len(drafted))
        seen = np.zeros((last - first, len(prefix) + len(drafted)), dtype=bool)
        seen[:, : len(prefix)] = True
        seen[row, column_of[tail]] = True

        keys = np.concatenate([prefix, drafted])
        key_positions = np.concatenate([np.arange(len(prefix)), len(prefix) + depth_of[drafted]])
        contiguous = bool((np.diff(keys) == 1).all())
        mask = SequenceMask(
            slice(first, last),
            slice(int(keys[0]), int(keys[-1]) + 1) if contiguous else torch.from_numpy(keys).to(device),
        )
        own_positions = len(prefix) + depth_of[plan.slots[first:last]]
        for window in set(windows):
            near = seen
            if window:
                near = seen & (key_positions[None, :] > own_positions[:, None] - window)
            mask.masks[window] = torch.from_numpy(near).to(device)
        masks.append(mask)
    return masks
