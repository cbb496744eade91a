"""A folder as transformers saves it: config.json and *.safetensors, in one file or in shards with an index."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor

from foretell.errors import UserError
from foretell.models.weights.checkpoint import Checkpoint, DamagedFileError, LazyTensors, checked, fingerprint, finite

INDEX = "model.safetensors.index.json"


def read_config(folder: Path) -> dict[str, Any]:
    """The plain contents of config.json, without importing transformers."""
    path = folder / "config.json"
    if not path.is_file():
        raise FileNotFoundError(f"{folder} has no config.json: name a folder saved by transformers' save_pretrained, or a GGUF file")
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DamagedFileError(path, f"not readable JSON ({error})") from error
    if not isinstance(values, dict) or "model_type" not in values:
        raise DamagedFileError(path, "no 'model_type' in it", "name a folder that holds a transformers model")
    return values


def weight_files(folder: Path) -> list[Path]:
    """The folder's safetensors files, in order; an error if the index names one that is not there."""
    index = folder / INDEX
    if index.is_file():
        try:
            names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
        except (ValueError, KeyError, AttributeError, TypeError) as error:
            raise DamagedFileError(index, f"not a readable index ({error!r})") from error
        paths = [folder / name for name in names]
    else:
        single = folder / "model.safetensors"
        paths = [single] if single.is_file() else sorted(folder.glob("*.safetensors"))
    for path in paths:
        if not path.is_file():
            raise DamagedFileError(path, f"the index {INDEX} names it, but it is not there", "download the missing shard")
    if not paths:
        other = "; it has pytorch_model.bin files: load it with backend='transformers'" if list(folder.glob("*.bin")) else ""
        raise FileNotFoundError(f"{folder} has no *.safetensors file{other}")
    return paths


def fingerprint_folder(folder: Path) -> str:
    """The fingerprint of a folder's configuration and weights."""
    return fingerprint([folder / "config.json", *weight_files(folder)])


def read_safetensors_folder(folder: Path) -> Checkpoint:
    """The folder's checkpoint; tensors are read when asked for. Raises `DamagedFileError`, or ValueError for unknown families."""
    values = read_config(folder)
    if values.get("quantization_config"):
        method = values["quantization_config"].get("quant_method", "unknown")
        raise UserError(f"{folder}: weights quantised by {method!r} are not read here; load it with backend='transformers'")
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(folder)
    readers: dict[str, Any] = {}
    shapes: dict[str, tuple[int, ...]] = {}
    for path in weight_files(folder):
        handle = _open(path)
        names = handle.keys()
        for name in names:
            full = name if name.startswith(("model.", "lm_head.")) else f"model.{name}"  # saved without the causal-LM head
            readers[full] = partial(_read, handle, name, path)
            shapes[full] = tuple(handle.get_slice(name).get_shape())
    return checked(config, LazyTensors(readers, shapes), folder, fingerprint_folder(folder))


def _open(path: Path) -> Any:
    from safetensors import SafetensorError, safe_open

    try:
        return safe_open(path, framework="pt")
    except (SafetensorError, OSError) as error:
        raise DamagedFileError(path, f"not a readable safetensors file, probably cut short ({error})") from error


def _read(handle: Any, name: str, path: Path) -> Tensor:
    return finite(handle.get_tensor(name), name, path)
