"""Weights as an engine wants them, kept in the cache folder so that later loads only map a file."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from foretell.models.architecture import Architecture
from foretell.models.cache_folder import discard_entry, entry, mark_used, write_entry
from foretell.models.cache_limit import keep_limit

_INV_FREQ = "architecture.inv_freq"
#: Change when this file writes something else than before.
_LAYOUT = 2


def entry_name(fingerprint: str, dtype: str, version: int | str) -> str:
    """The entry of one model's weights, packed for `dtype` by version `version` of the packer."""
    return f"weights-{fingerprint}-{dtype}-{_LAYOUT}.{version}.safetensors"


def read_packed(name: str) -> tuple[Architecture, dict[str, Tensor], tuple[str, ...]] | None:
    """Architecture, memory-mapped tensors and the checkpoint's remarks, of an entry; None where there is none. A
    damaged entry is removed."""
    from safetensors import SafetensorError, safe_open

    path = entry(name)
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a mapping)
            settings, remarks = json.loads(file.metadata()["architecture"]), tuple(json.loads(file.metadata()["remarks"]))
        settings["windows"] = tuple(settings["windows"])
        mark_used(path)
        return Architecture(**settings, inv_freq=tensors.pop(_INV_FREQ)), tensors, remarks
    except (SafetensorError, OSError, KeyError, TypeError, ValueError):
        discard_entry(name)
        return None


def write_packed(name: str, architecture: Architecture, tensors: Mapping[str, Tensor], remarks: Sequence[str] = ()) -> Path | None:
    """Store an entry, and remove others where the cache folder exceeds its limit; None where it refuses. remarks: the checkpoint's."""
    from safetensors.torch import save_file

    settings = {field.name: getattr(architecture, field.name) for field in dataclasses.fields(architecture)}
    inv_freq = settings.pop("inv_freq")
    # safetensors wants every tensor whole and on its own; views and shared ones are copied
    seen: set[int] = set()
    own: dict[str, Tensor] = {}
    for key, tensor in {**tensors, _INV_FREQ: inv_freq}.items():
        storage = tensor.untyped_storage()
        whole = tensor.is_contiguous() and storage.nbytes() == tensor.nbytes and storage.data_ptr() not in seen
        own[key] = tensor if whole else tensor.clone().contiguous()
        seen.add(storage.data_ptr())
    metadata = {"architecture": json.dumps(settings), "remarks": json.dumps(list(remarks))}
    written = write_entry(name, lambda path: save_file(own, path, metadata=metadata))
    if written is not None:
        keep_limit(written)
    return written


class Watched(Mapping[str, Tensor]):
    """A mapping of tensors that reports the first read of each, for progress bars."""

    def __init__(self, tensors: Mapping[str, Tensor], on_read: Callable[[], Any]) -> None:
        self._tensors, self._on_read = tensors, on_read
        self._read: set[str] = set()

    def __getitem__(self, name: str) -> Tensor:
        tensor = self._tensors[name]
        if name not in self._read:  # tied weights are read twice
            self._read.add(name)
            self._on_read()
        return tensor

    def __contains__(self, name: object) -> bool:
        return name in self._tensors

    def __iter__(self):
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)
