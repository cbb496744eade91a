"""A folder as transformers saves it: config.json and *.safetensors, in one file or in shards with an index."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor

from foretell.errors import UserError
from foretell.json_files import as_object, read_object
from foretell.models.architecture import MAX_LAYERS
from foretell.models.weights.checkpoint import Checkpoint, DamagedFileError, checked, fingerprint, finite
from foretell.models.weights.lazy_tensors import LazyTensors

#: The settings that count layers.
_LAYER_COUNTS = ("num_hidden_layers", "num_layers", "n_layer", "n_layers", "num_decoder_layers", "encoder_layers", "decoder_layers")
SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
_SHARD = re.compile(r".*-\d+-of-(\d+)\.safetensors")


def read_config(folder: Path) -> dict[str, Any]:
    """The plain contents of config.json, without importing transformers."""
    path = folder / "config.json"
    if not path.is_file():
        raise FileNotFoundError(f"{folder} has no config.json: name a folder saved by transformers' save_pretrained, or a GGUF file")
    values = read_object(path)
    if "model_type" not in values:
        raise DamagedFileError(path, "no 'model_type' in it", "name a folder that holds a transformers model")
    for name in _LAYER_COUNTS:
        if isinstance(values.get(name), int) and values[name] > MAX_LAYERS:
            raise UserError(f"{path}: {name}={values[name]} is more than {MAX_LAYERS}; mend the configuration")
    return values


def weight_files(folder: Path) -> list[Path]:
    """The folder's safetensors files, as transformers takes them: one file, else those that the index names. An error where one of them is
    not there."""
    single, index = folder / SINGLE, folder / INDEX
    if single.is_file():
        return [single]
    if index.is_file():
        paths = [folder / name for name in _named_by(index)]
        for path in paths:
            if not path.is_file():
                raise DamagedFileError(path, f"the index {INDEX} names it, but it is not there", "download the missing shard")
        return paths
    paths = sorted(folder.glob("*.safetensors"))
    if not paths:
        other = "; it has pytorch_model.bin files: load it with backend='transformers'" if list(folder.glob("*.bin")) else ""
        raise FileNotFoundError(f"{folder} has no *.safetensors file{other}")
    for path in paths:
        part = _SHARD.fullmatch(path.name)
        if part and len(paths) != int(part[1]):
            raise DamagedFileError(path, f"it is one of {int(part[1])} shards, but {len(paths)} are there", "download the missing ones")
    return paths


def _named_by(index: Path) -> list[str]:
    names = as_object(read_object(index).get("weight_map"), f"{index}: weight_map").values()
    wrong = [name for name in names if not isinstance(name, str) or "\0" in name or Path(name).name != name]
    if wrong or not names:
        raise DamagedFileError(index, f"weight_map names {wrong[0]!r}, which is no file beside it" if wrong else "weight_map is empty")
    return sorted(set(names))


def fingerprint_folder(folder: Path) -> str:
    """The fingerprint of a folder's configuration and weights."""
    return fingerprint([folder / "config.json", *weight_files(folder)])


def read_safetensors_folder(folder: Path) -> Checkpoint:
    """The folder's checkpoint; tensors are read when asked for. Raises `DamagedFileError`, or ValueError for unknown families."""
    config = transformers_config(folder)
    readers: dict[str, Any] = {}
    shapes: dict[str, tuple[int, ...]] = {}
    for path in weight_files(folder):
        handle = _open(path)
        names = handle.keys()
        for name in names:
            full = name if name.startswith(("model.", "lm_head.")) else f"model.{name}"  # saved without the causal-LM head
            if full in readers:
                raise DamagedFileError(path, f"the tensor {full!r} is there twice, in this file or in another one")
            readers[full] = partial(_read, handle, name, path)
            shapes[full] = tuple(handle.get_slice(name).get_shape())
    return checked(config, LazyTensors(readers, shapes), folder, fingerprint_folder(folder))


def transformers_config(folder: Path) -> Any:
    """The transformers configuration of config.json, without running code that lies in the folder."""
    from transformers import AutoConfig

    values = read_config(folder)
    try:
        return AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except Exception as error:  # whatever the library's classes make of wrong values
        reason = " ".join(str(error).split())[:300]
        if values.get("auto_map"):
            reason = f"model_type={values['model_type']!r} needs code that lies in the folder, auto_map, and such code is not run"
        raise UserError(f"{folder / 'config.json'}: transformers cannot read it ({type(error).__name__}: {reason})") from error


def _open(path: Path) -> Any:
    from safetensors import SafetensorError, safe_open

    try:
        return safe_open(path, framework="pt")
    except (SafetensorError, OSError) as error:
        raise DamagedFileError(path, f"not a readable safetensors file, probably cut short ({error})") from error


def _read(handle: Any, name: str, path: Path) -> Tensor:
    return finite(handle.get_tensor(name), name, path)
