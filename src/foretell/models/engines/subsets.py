"""Some outputs of a packed linear layer, as a smaller layer of their own."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from foretell.models.engines.packing import PANEL, padded

#: Subsets that are kept, since the same one is mostly asked for again.
_KEPT = 2


class Subsets:
    """Smaller copies of the layer `name` in `packed` (see `packing.pack`), the last few kept. Not safe for several threads."""

    def __init__(self, packed: Mapping[str, Tensor], name: str) -> None:
        self._packed, self._name = packed, name
        self._known: OrderedDict[bytes, dict[str, Tensor]] = OrderedDict()

    def of(self, outputs: np.ndarray) -> dict[str, Tensor]:
        """The layer with `outputs` (m,) int64 only, in this order, by the same names and padded as ever."""
        key = outputs.tobytes()
        if key not in self._known:
            self._known[key] = pick(self._packed, self._name, outputs)
        self._known.move_to_end(key)
        while len(self._known) > _KEPT:
            self._known.popitem(last=False)
        return self._known[key]


def pick(packed: Mapping[str, Tensor], name: str, outputs: np.ndarray) -> dict[str, Tensor]:
    """The layer with these outputs. Weights and scales are copied as they are, so every sum has the same bits.

    In NumPy: torch would wake its own threads, which then stand in the engine's way.
    """
    weight = packed[f"{name}.weight"]
    panels = (weight.view(torch.int32) if weight.dtype == torch.uint8 else weight).numpy()
    columns = np.zeros((padded(len(outputs)), panels.shape[1]), dtype=panels.dtype)
    columns[: len(outputs)] = panels[outputs // PANEL, :, outputs % PANEL]
    chosen = np.ascontiguousarray(columns.reshape(-1, PANEL, panels.shape[1]).transpose(0, 2, 1))
    layer = {f"{name}.weight": torch.from_numpy(chosen).view(weight.dtype)}
    for part in ("scale", "bias"):
        values = np.zeros(len(columns), dtype=np.float32)
        values[: len(outputs)] = packed[f"{name}.{part}"].numpy()[outputs]
        layer[f"{name}.{part}"] = torch.from_numpy(values)
    return layer
