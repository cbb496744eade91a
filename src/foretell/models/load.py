"""`load`: from a name to a `Model`, with the engine that fits the device and the type."""

from __future__ import annotations

import logging
import os
import time
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from foretell import arguments
from foretell.errors import UserError
from foretell.models.architecture import FAMILIES
from foretell.models.base import Model
from foretell.models.cache_entries import remember_source
from foretell.models.cache_folder import read_json, write_json
from foretell.models.generation_settings import read_generation_settings, suppressed_tokens, warn_of_unused
from foretell.models.locate import locate
from foretell.models.native import NativeModel
from foretell.models.not_native import NotNativeError
from foretell.models.one_thread import one_thread
from foretell.models.packed_cache import Watched, entry_name, read_packed, write_packed
from foretell.models.rope import switch_length
from foretell.models.text import Text
from foretell.models.weights.checkpoint import Checkpoint, fingerprint
from foretell.models.weights.config_keys import check_folder, check_native, remarks
from foretell.models.weights.gguf_split import gguf_parts
from foretell.models.weights.safetensors_folder import fingerprint_folder, read_config, read_safetensors_folder
from foretell.parts import nearest
from foretell.progress import ReportProgress, progress_bar, step_counter

log = logging.getLogger(__name__)
DTYPES: dict[str, torch.dtype | None] = {"int8": None, "fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
BACKENDS = ("native", "transformers")
#: More threads than any machine has processors.
MOST_THREADS = 1024
_TEXT_VERSION = 4
#: Files of tokenizers that transformers can convert.
_TOKENIZERS = ("tokenizer.model", "spiece.model", "vocab.json", "vocab.txt", "merges.txt", "tokenizer_config.json")
#: Files beside them that say more: control tokens, stop ids, chat templates.
_BESIDE = (
    "special_tokens_map.json",
    "added_tokens.json",
    "config.json",
    "generation_config.json",
    "chat_template.json",
    "chat_template.jinja",
)


def load(
    id_or_path: str | os.PathLike[str] | None = None,
    dtype: str | None = None,
    device: str | torch.device | None = None,
    backend: str | None = None,
    num_threads: int | None = None,
    progress: bool | None = True,
) -> Model:
    """Load a model.

    id_or_path: a folder with config.json and safetensors, a GGUF file, an id of the Hugging Face hub, the name of a model that
    comes with the package ("stdlib-nested"), or None for the model in `$FORETELL_MODEL`, else the default model. dtype: "int8"
    (weights; the CPU's default), "fp32", "bf16" (CUDA's default) or "fp16". device: None takes CUDA where there is one. backend:
    "native" (the Llama family), "transformers" (any causal LM, slower), or None for the first that can. num_threads: of the CPU's
    arithmetic; None leaves it to the engine. progress: show a bar on the terminal while weights are converted, which happens on the
    first load only.

    Raises FileNotFoundError where nothing is found, UserError for arguments and damaged files.
    """
    backend = None if backend is None else arguments.choice("load: backend", backend, BACKENDS)
    dtype = None if dtype is None else arguments.choice("load: dtype", dtype, list(DTYPES))
    num_threads = None if num_threads is None else arguments.whole("load: num_threads", num_threads, least=1, most=MOST_THREADS)
    progress = progress is None or arguments.flag("load: progress", progress)
    where = _device(device)
    chosen = _dtype(dtype, where, backend)
    source, begun = locate(id_or_path), time.perf_counter()
    with progress_bar("loading", progress) as report:
        model = _load(source, dtype, chosen, where, backend, num_threads, report)
    model.source = source
    remember_source(model.fingerprint, source)
    threads = num_threads or torch.get_num_threads()
    log.info("model %s: %s, %d threads, loaded in %.2f s", source, model.fingerprint, threads, time.perf_counter() - begun)
    if source.is_dir():
        settings = read_generation_settings(source)
        model.suppressed = suppressed_tokens(settings, model.vocab_size, source)
        warn_of_unused(settings, source)
    return model


def _load(
    source: Path, dtype: str | None, chosen: str, where: torch.device, backend: str | None, num_threads: int | None, report: ReportProgress
) -> Model:
    if source.is_dir():
        check_folder(source, read_config(source))
    if backend == "transformers" or (backend is None and not _is_native(source)):
        return _load_transformers(source, dtype, where, num_threads)
    try:
        return _load_native(source, chosen, where, num_threads, report)
    except NotNativeError as error:
        if backend == "native" or source.is_file():
            raise
        warnings.warn(f"loading through transformers, which is slower: {error}", stacklevel=2)
    return _load_transformers(source, dtype, where, num_threads)


def _device(device: str | torch.device | None) -> torch.device:
    if device is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if not isinstance(device, str | torch.device):
        raise UserError(f"load: device={arguments.shown(device)} is no device; write 'cpu', 'cuda' or 'mps'")
    try:
        where = torch.device(device)
    except RuntimeError as error:
        near = nearest({"gpu": "cuda", "metal": "mps"}.get(str(device).lower(), str(device)), ["cpu", "cuda", "mps"])
        raise UserError(f"load: device={device!r} is unknown, {near} PyTorch sees here: {', '.join(_devices())}") from error
    if where.type == "cuda" and not torch.cuda.is_available():
        raise UserError(f"load: device={str(device)!r}, but PyTorch sees no CUDA device here; use device='cpu'")
    if where.type == "mps" and not torch.backends.mps.is_available():
        raise UserError("load: device='mps', but PyTorch sees no Apple GPU here; use device='cpu'")
    return where


def _devices() -> list[str]:
    """The kinds of devices that PyTorch sees on this machine."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    return ["cpu", *(name for name, seen in there.items() if seen)]


def _dtype(dtype: str | None, device: torch.device, backend: str | None) -> str:
    if dtype is None:
        return {"cpu": "int8", "mps": "fp16"}.get(device.type, "bf16")
    if dtype == "int8" and (device.type != "cpu" or backend == "transformers"):
        where = f"on {device.type}" if device.type != "cpu" else "through transformers"
        raise UserError(f"load: dtype='int8' does not run {where}; use 'fp32', 'bf16' or 'fp16', or the native backend on the CPU")
    return dtype


def _is_native(source: Path) -> bool:
    if source.is_file():
        return True
    only_pickles = any(source.glob("*.bin")) and not any(source.glob("*.safetensors"))
    return read_config(source)["model_type"] in FAMILIES and not only_pickles


def read_checkpoint(source: Path) -> Checkpoint:
    """The checkpoint of a GGUF file or a safetensors folder."""
    if source.is_file():
        from foretell.models.weights.gguf_file import read_gguf
        from foretell.models.weights.gguf_reader import open_gguf

        return read_gguf(open_gguf(source))
    return read_safetensors_folder(source)


def read_text(source: Path) -> Text | None:
    """The tokenizer beside a model's weights (converted ones come from the cache folder), None where there is none."""
    if source.is_dir() and (source / "tokenizer.json").is_file():
        return Text.from_folder(source)
    convertible = [source] if source.is_file() else [source / name for name in _TOKENIZERS if (source / name).is_file()]
    if not convertible:
        return None
    beside = [source / name for name in _BESIDE if (source / name).is_file()]
    name = f"text-{fingerprint([*convertible, *beside])}-{_TEXT_VERSION}.json"
    cached = read_json(name)
    if cached is None:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            text = _convert_text(source)
        if text is None:
            return None
        cached = {**text.to_json(), "warnings": [str(each.message) for each in caught if each.category is UserWarning]}
        write_json(name, cached)
    for message in cached["warnings"]:  # at each load, not at the first one only
        warnings.warn(message, stacklevel=3)
    return Text.from_json(cached)


def _convert_text(source: Path) -> Text | None:
    if source.is_dir():
        return Text.from_folder(source)
    from foretell.models.weights.gguf_reader import open_gguf
    from foretell.models.weights.gguf_tokenizer import read_tokenizer

    file = open_gguf(source)
    return None if file.metadata.get("tokenizer.ggml.model") in (None, "none", "no_vocab") else read_tokenizer(file)


def _warn(of: Path, said: Iterable[str]) -> None:
    for remark in said:
        warnings.warn(f"{of}: {remark}", stacklevel=2)


def _fingerprint(source: Path) -> str:
    return fingerprint(gguf_parts(source)) if source.is_file() else fingerprint_folder(source)


def _load_native(source: Path, dtype: str, device: torch.device, num_threads: int | None, report: ReportProgress) -> Model:
    if source.is_dir():
        values = read_config(source)
        check_native(source, values)
        _warn(source / "config.json", remarks(values))
    digest = _fingerprint(source)
    if device.type == "cpu" and dtype in ("int8", "fp32"):
        engine = _cpu_engine(source, digest, dtype, num_threads, report)
    else:
        from foretell.models.engines.torch_engine import TorchEngine

        if num_threads is not None:
            torch.set_num_threads(num_threads)
        checkpoint = read_checkpoint(source)
        _warn(source, checkpoint.remarks)
        tensors = Watched(checkpoint.tensors, step_counter(report, "reading weights", len(checkpoint.tensors)))
        with one_thread():
            engine = TorchEngine(checkpoint.architecture, tensors, DTYPES[dtype] or torch.float32, device)
    return NativeModel(engine, f"{digest}-{dtype}-{engine.name}-{device.type}", read_text(source))


def _cpu_engine(source: Path, digest: str, dtype: str, num_threads: int | None, report: ReportProgress) -> Any:
    from foretell.models.engines.cpu import CpuEngine
    from foretell.models.engines.packing import PACK_VERSION, pack

    name = entry_name(digest, dtype, PACK_VERSION)
    found = read_packed(name)
    if found is not None:
        log.debug("weights read from the cache: %s", name)
        architecture, packed, said = found
    else:
        log.info("weights are packed as %s, on the first load only", dtype)
        checkpoint = read_checkpoint(source)
        architecture, said = checkpoint.architecture, checkpoint.remarks
        with one_thread():
            done = step_counter(report, f"packing as {dtype}", len(checkpoint.tensors))
            packed = pack(architecture, Watched(checkpoint.tensors, done), dtype)
        saved = step_counter(report, "saving for the next time", 1)
        write_packed(name, architecture, packed, said)
        saved()
    _warn(source, said)
    return CpuEngine(architecture, packed, dtype, num_threads)


def _load_transformers(source: Path, dtype: str | None, device: torch.device, num_threads: int | None) -> Model:
    from foretell.models.adapter import TransformersModel
    from foretell.models.switching import SwitchingModel

    if num_threads is not None:
        torch.set_num_threads(num_threads)
    kind = DTYPES[dtype or ("fp32" if device.type == "cpu" else "bf16")]
    text = read_text(source)
    if source.is_file():
        model = TransformersModel.from_checkpoint(read_checkpoint(source), kind, device, text)
    else:
        model = TransformersModel.from_folder(source, kind, device, text)
    switch = switch_length(model.model.config.get_text_config())
    return model if switch is None else SwitchingModel(model, switch)
