"""The container format of GGUF: header, metadata and where each tensor lies, read in one pass with every length checked.

The gguf package has a reader too; it takes seconds for a vocabulary and trusts the lengths that a damaged file states. Its
tables of quantisations are used here. Layout: magic, version, counts, key-value pairs, tensor infos, aligned data.
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from foretell.errors import UserError
from foretell.models.weights.checkpoint import DamagedFileError
from foretell.models.weights.gguf_split import check_part, gguf_parts

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_VERSIONS = (2, 3)
_DEEPEST = 8


@dataclass(frozen=True)
class TensorInfo:
    """shape: as in numpy and torch (rows first). kind: a `gguf.GGMLQuantizationType`. data: the stored bytes (rows, row bytes)."""

    name: str
    shape: tuple[int, ...]
    kind: Any
    data: np.ndarray


@dataclass(frozen=True)
class GGUFFile:
    """An open file: `metadata` by key (arrays as lists) and `tensors` by name. Of a file in parts, those of all parts."""

    path: Path
    metadata: dict[str, Any]
    tensors: dict[str, TensorInfo]


def open_gguf(path: Path) -> GGUFFile:
    """Read header and metadata of `path`, and of the parts that belong to it, and map their tensors; `DamagedFileError` for what is no
    whole GGUF file."""
    parts = gguf_parts(path)
    opened = [_open_one(part) for part in parts]
    tensors: dict[str, TensorInfo] = {}
    for number, file in enumerate(opened, 1):
        check_part(file.path, file.metadata, number, len(parts))
        for name, info in file.tensors.items():
            if name in tensors:
                raise DamagedFileError(file.path, f"the tensor {name!r} is in an earlier part too")
            tensors[name] = info
    promised = opened[0].metadata.get("split.tensors.count", len(tensors)) if len(parts) > 1 else len(tensors)
    if promised != len(tensors):
        raise DamagedFileError(path, f"split.tensors.count={promised!r}, but the {len(parts)} parts hold {len(tensors)} tensors")
    return GGUFFile(path, opened[0].metadata, tensors)


def _open_one(path: Path) -> GGUFFile:
    with path.open("rb") as file:
        try:
            view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except ValueError as error:
            raise DamagedFileError(path, "the file is empty") from error
    cursor = _Cursor(view, path)
    if cursor.take(4) != b"GGUF":
        raise DamagedFileError(path, "the file does not begin with 'GGUF'", "name a GGUF file, or download it again")
    version = cursor.scalar("I")
    if int.from_bytes(version.to_bytes(4, "little"), "big") in _VERSIONS:
        raise DamagedFileError(path, "a big-endian file", "turn it with the gguf package's gguf-convert-endian")
    if version not in _VERSIONS:
        raise DamagedFileError(path, f"GGUF version {version} is not one of {_VERSIONS}", "convert it with a recent llama.cpp")
    num_tensors, num_keys = cursor.scalar("Q"), cursor.scalar("Q")
    metadata: dict[str, Any] = {}
    for _ in range(num_keys):
        key = cursor.string()
        if key in metadata:
            raise DamagedFileError(path, f"the metadata have {key!r} twice")
        metadata[key] = cursor.value(cursor.scalar("I"))
    places = [_place(cursor) for _ in range(num_tensors)]
    alignment = metadata.get("general.alignment", 32)
    if isinstance(alignment, bool) or not isinstance(alignment, int) or alignment <= 0:
        raise DamagedFileError(path, f"general.alignment={alignment!r} is not a positive number")
    base = -(-cursor.at // alignment) * alignment
    tensors = {place[0]: _tensor(view, path, base, *place) for place in places}
    if len(tensors) < len(places):
        raise DamagedFileError(path, "two tensors have one name")
    return GGUFFile(path, metadata, tensors)


class _Cursor:
    """Reads forward; a length that leads past the end is reported with the file's name, never followed."""

    def __init__(self, view: memoryview, path: Path) -> None:
        self.view, self.path, self.at = view, path, 0

    def take(self, size: int) -> bytes:
        if size > len(self.view) - self.at:
            raise DamagedFileError(
                self.path, f"the file ends at byte {len(self.view):,}, but {size:,} bytes are promised at {self.at:,}: cut short or corrupt"
            )
        self.at += size
        return bytes(self.view[self.at - size : self.at])

    def scalar(self, form: str) -> Any:
        return struct.unpack(f"<{form}", self.take(struct.calcsize(f"<{form}")))[0]

    def string(self) -> str:
        return self.take(self.scalar("Q")).decode("utf-8", errors="replace")

    def value(self, kind: int, depth: int = 0) -> Any:
        if kind == _STRING:
            return self.string()
        if kind == _ARRAY:
            if depth > _DEEPEST:
                raise DamagedFileError(self.path, f"metadata of arrays in arrays, more than {_DEEPEST} deep, before byte {self.at:,}")
            inner, num = self.scalar("I"), self.scalar("Q")
            if inner in _SCALARS:
                form = _SCALARS[inner]
                return list(struct.unpack(f"<{num}{form}", self.take(num * struct.calcsize(f"<{form}"))))
            return [self.value(inner, depth + 1) for _ in range(num)]  # strings and arrays take bytes each, so a false count runs out
        if kind not in _SCALARS:
            raise DamagedFileError(self.path, f"metadata of the unknown type {kind} before byte {self.at:,}")
        return self.scalar(_SCALARS[kind])


def _place(cursor: _Cursor) -> tuple[str, tuple[int, ...], int, int]:
    name = cursor.string()
    dims = cursor.scalar("I")
    if dims > 8:
        raise DamagedFileError(cursor.path, f"the tensor {name!r} claims {dims} dimensions")
    shape = tuple(cursor.scalar("Q") for _ in range(dims))[::-1]
    return name, shape, cursor.scalar("I"), cursor.scalar("Q")


def _tensor(view: memoryview, path: Path, base: int, name: str, shape: tuple[int, ...], kind: int, offset: int) -> TensorInfo:
    from gguf import GGML_QUANT_SIZES, GGMLQuantizationType

    try:
        quantisation = GGMLQuantizationType(kind)
        block, block_bytes = GGML_QUANT_SIZES[quantisation]
    except (ValueError, KeyError) as error:
        raise DamagedFileError(path, f"the tensor {name!r} has the unknown type {kind}", "update the gguf package") from error
    if 0 in shape:
        raise DamagedFileError(path, f"the tensor {name!r} has the shape {shape}, which holds nothing")
    columns, rows = (shape[-1] if shape else 1), 1
    for size in shape[:-1]:
        rows *= size
    if columns % block:
        raise DamagedFileError(path, f"the tensor {name!r} has rows of {columns}, not whole blocks of {block}")
    row_bytes = columns // block * block_bytes
    start, end = base + offset, base + offset + rows * row_bytes
    if end > len(view):
        raise DamagedFileError(path, f"the tensor {name!r} ends at byte {end:,}, but the file has {len(view):,}: it is cut short")
    data = np.frombuffer(view[start:end], dtype=np.uint8).reshape(rows, row_bytes)
    return TensorInfo(name, shape, quantisation, data)


def expanded(info: TensorInfo, path: Path) -> Tensor:
    """The tensor's values as float32; UserError for a quantisation that the gguf package cannot expand."""
    import gguf

    try:
        values = gguf.quants.dequantize(info.data, info.kind)
    except NotImplementedError as error:
        raise UserError(
            f"{path}: the tensor {info.name!r} is stored as {info.kind.name}, which the gguf package cannot expand; "
            "take a file with another quantisation, for example Q8_0 or Q4_K_M"
        ) from error
    whole = np.require(values, dtype=np.float32, requirements=["C", "W"])  # a copy only where it maps the file
    return torch.from_numpy(whole.reshape(info.shape))
