"""Keys and values of one sequence for models of the transformers library, whatever their layers' shapes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from foretell.models.cache import Cache


class RowCache(Cache):
    """Per layer two growing tensors (1, kv_heads, capacity, head_dim): committed rows first, pending rows behind them.

    Every layer keeps all its rows, sliding windows too: they are masks here, so that rows can be rolled back and branched.
    """

    def __init__(self) -> None:
        super().__init__()
        self.layers: dict[int, tuple[Tensor, Tensor]] = {}

    def write(self, layer: int, keys: Tensor, values: Tensor, places: Tensor, total: int) -> tuple[Tensor, Tensor]:
        """Put new rows at `places` and return the first `total` rows of the layer."""
        pair = self.layers.get(layer)
        grown = []
        for i, new in enumerate((keys, values)):
            old = pair[i] if pair is not None else None
            if old is None or old.shape[2] < total:
                capacity = max(64, 2 * total)
                wider = new.new_zeros(1, new.shape[1], capacity, new.shape[3])
                if old is not None:
                    wider[:, :, : old.shape[2]] = old
                old = wider
            old.index_copy_(2, places, new.to(old.dtype))
            grown.append(old)
        self.layers[layer] = (grown[0], grown[1])
        return grown[0][:, :, :total], grown[1][:, :, :total]

    def _keep(self, path: list[int]) -> None:
        if path == list(range(len(path))):
            return  # the kept rows lie where they belong
        for pair in self.layers.values():
            rows = torch.tensor(path, device=pair[0].device) + self.length
            for data in pair:
                if data.shape[2] > int(rows.max()):  # a layer beyond an early exit may have no rows yet
                    data[:, :, self.length : self.length + len(path)] = data[:, :, rows]

    def _truncate(self, length: int) -> None:
        pass  # rows beyond the length are never read, and overwritten by the next ones

    def _reopen(self, num: int) -> None:
        pass  # pending rows lie behind the committed ones: where these rows are

    def _fork(self) -> RowCache:
        twin = RowCache()
        for layer, (keys, values) in self.layers.items():
            twin.layers[layer] = (keys[:, :, : self.length].clone(), values[:, :, : self.length].clone())
        return twin


class PastKeyValues:
    """One forward's view of a `RowCache` with the methods that transformers' models call on their `past_key_values`."""

    is_compileable = False

    def __init__(self, cache: RowCache, rows: list[int], device: torch.device) -> None:
        self.cache, self.total = cache, cache.length + len(cache.pending)
        self.places = torch.tensor(rows, device=device) + cache.length
        self.updated: set[int] = set()

    def update(self, key_states: Tensor, value_states: Tensor, layer_idx: int, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Write new keys and values (1, kv_heads, rows, head_dim) of a layer; returns those of all rows so far."""
        self.updated.add(layer_idx)
        return self.cache.write(layer_idx, key_states, value_states, self.places, self.total)

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """Rows before the new ones."""
        return self.cache.length

    def get_query_offset(self, layer_idx: int = 0) -> int:
        """Position of the first new row."""
        return self.cache.length

    def get_mask_sizes(self, query_length: int, layer_idx: int = 0) -> tuple[int, int]:
        """(rows in all, first row): what a mask covers."""
        return self.total, 0


def tree_masks(
    cache: RowCache, rows: list[int], windows: set[int], dtype: torch.dtype, device: torch.device, num_block: int = 0
) -> dict[int, Tensor]:
    """Additive masks (1, 1, rows, committed + pending) by window length (0: none): each row sees its past and its ancestors.

    num_block: the first so many rows see each other, whatever the window.
    """
    total = cache.length + len(cache.pending)
    seen = torch.zeros(len(rows), total, dtype=torch.bool)
    seen[:, : cache.length] = True
    for i, row in enumerate(rows):
        parent = cache.pending[row]
        if i and rows[i - 1] == parent:
            seen[i] = seen[i - 1]
        elif parent >= 0:
            seen[i, torch.tensor(cache.ancestors(parent)) + cache.length] = True
        seen[i, cache.length + row] = True
    positions = torch.cat([torch.arange(cache.length), cache.length + torch.tensor(cache.depths, dtype=torch.int64)])
    own = positions[cache.length + torch.tensor(rows, dtype=torch.int64)][:, None]
    masks = {}
    for window in windows:
        near = seen & (positions[None] > own - window) if window else seen
        if num_block:
            near = near.clone()
            near[:num_block, cache.length + torch.tensor(rows[:num_block])] = True
        mask = torch.zeros(near.shape, dtype=dtype).masked_fill(~near, torch.finfo(dtype).min)
        masks[window] = mask.to(device)[None, None]
    return masks
