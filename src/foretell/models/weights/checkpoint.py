"""What every reader of weights returns, and the errors they share."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from foretell.errors import UserError
from foretell.models.architecture import Architecture

_SAMPLE = 1 << 16


class DamagedFileError(UserError):
    """A file of weights is truncated, corrupt or incomplete; the message names the file and what is wrong."""

    def __init__(self, path: Path, problem: str, remedy: str = "download or convert it again") -> None:
        super().__init__(f"{path}: {problem}; {remedy}")


class LazyTensors(Mapping[str, Tensor]):
    """Tensors by name, read from their file when asked for and not kept. `shapes` is known without reading."""

    def __init__(self, readers: dict[str, Callable[[], Tensor]], shapes: dict[str, tuple[int, ...]]) -> None:
        self._readers, self.shapes = readers, shapes

    def __getitem__(self, name: str) -> Tensor:
        return self._readers[name]()

    def __contains__(self, name: object) -> bool:
        return name in self._readers

    def __iter__(self) -> Iterator[str]:
        return iter(self._readers)

    def __len__(self) -> int:
        return len(self._readers)

    def only(self, names: set[str]) -> LazyTensors:
        """The same without all tensors not in `names`."""
        kept = {name: reader for name, reader in self._readers.items() if name in names}
        return LazyTensors(kept, {name: self.shapes[name] for name in kept})


@dataclass
class Checkpoint:
    """A model as its files describe it.

    make_config: builds the transformers `PretrainedConfig`, on first use of `config`. tensors: by the names of
    transformers' causal-LM classes, exactly those that the architecture needs. source: the folder or the GGUF file, where
    the tokenizer is too. fingerprint: tells contents apart, whatever the path.
    """

    make_config: Callable[[], Any]
    architecture: Architecture
    tensors: LazyTensors
    source: Path
    fingerprint: str

    @cached_property
    def config(self) -> Any:
        """The transformers configuration."""
        return self.make_config()

    def network(self, dtype: torch.dtype | None = None) -> Any:
        """A causal language model of transformers with these weights; dtype: of the weights, None is the configuration's."""
        from transformers import AutoModelForCausalLM

        network = AutoModelForCausalLM.from_config(self.config, dtype=dtype)
        tensors = {name: self.tensors[name] for name in self.tensors}
        if self.architecture.tie_embeddings:
            tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"]
        network.load_state_dict(tensors)
        return network


def fingerprint(paths: Sequence[Path]) -> str:
    """A digest of the files' sizes, times of change, heads and tails: the same after a move, different after an edit."""
    digest = hashlib.blake2b(digest_size=12)
    for path in paths:
        status = path.stat()
        digest.update(f"{status.st_size} {status.st_mtime_ns} ".encode())
        with path.open("rb") as file:
            digest.update(file.read(_SAMPLE))
            file.seek(max(0, status.st_size - _SAMPLE))
            digest.update(file.read(_SAMPLE))
    return digest.hexdigest()


def needed_tensors(architecture: Architecture, config: Any) -> dict[str, tuple[int, ...]]:
    """Name and shape of every tensor that a model of this architecture and configuration is made of."""
    arch = architecture
    width, inner = arch.hidden_size, arch.intermediate_size
    queries, keys = arch.num_heads * arch.head_dim, arch.num_kv_heads * arch.head_dim
    qkv_bias = arch.family == "qwen2" or getattr(config, "attention_bias", False)
    out_bias = arch.family != "qwen2" and getattr(config, "attention_bias", False)
    shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (arch.vocab_size, width), "model.norm.weight": (width,)}
    if not arch.tie_embeddings:
        shapes["lm_head.weight"] = (arch.vocab_size, width)
    for i in range(arch.num_layers):
        layer: dict[str, tuple[int, ...]] = {"input_layernorm.weight": (width,), "post_attention_layernorm.weight": (width,)}
        for name, rows, columns, biased in (
            ("self_attn.q_proj", queries, width, qkv_bias),
            ("self_attn.k_proj", keys, width, qkv_bias),
            ("self_attn.v_proj", keys, width, qkv_bias),
            ("self_attn.o_proj", width, queries, out_bias),
            ("mlp.gate_proj", inner, width, getattr(config, "mlp_bias", False)),
            ("mlp.up_proj", inner, width, getattr(config, "mlp_bias", False)),
            ("mlp.down_proj", width, inner, getattr(config, "mlp_bias", False)),
        ):
            layer[f"{name}.weight"] = (rows, columns)
            if biased:
                layer[f"{name}.bias"] = (rows,)
        if arch.family == "qwen3":
            layer["self_attn.q_norm.weight"] = layer["self_attn.k_norm.weight"] = (arch.head_dim,)
        shapes |= {f"model.layers.{i}.{name}": shape for name, shape in layer.items()}
    return shapes


def checked(config: Any, tensors: LazyTensors, source: Path, digest: str, make_config: Callable[[], Any] | None = None) -> Checkpoint:
    """The checkpoint of `tensors`, after checking that all that is needed is there, in the right shape.

    config: a transformers configuration, or an object with the same attributes where `make_config` builds the real one.
    """
    architecture = Architecture.from_config(config)
    needed = needed_tensors(architecture, config)
    missing = [name for name in needed if name not in tensors]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise DamagedFileError(source, f"the tensor {missing[0]!r}{more} is missing ({len(tensors)} tensors are there)")
    for name, shape in needed.items():
        if tensors.shapes[name] != shape:
            raise DamagedFileError(source, f"the tensor {name!r} has shape {tensors.shapes[name]}, the configuration asks for {shape}")
    return Checkpoint(make_config or (lambda: config), architecture, tensors.only(set(needed)), source, digest)


def finite(tensor: Tensor, name: str, path: Path) -> Tensor:
    """`tensor`, unless a value is infinite or not a number: what flipped bits in scales and exponents look like."""
    if not math.isfinite(float(tensor.sum(dtype=torch.float32))):  # one pass: any such value makes the sum one
        raise DamagedFileError(path, f"the tensor {name!r} holds values that are infinite or not numbers")
    return tensor
