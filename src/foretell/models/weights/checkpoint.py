"""What every reader of weights returns, and the errors they share."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from foretell.errors import UserError
from foretell.models.architecture import Architecture
from foretell.models.not_native import NotNativeError
from foretell.models.weights.lazy_tensors import LazyTensors
from foretell.models.weights.tying import settle_tying
from foretell.models.weights.unused_tensors import unused_tensors

_SAMPLE = 1 << 16


class DamagedFileError(UserError):
    """A file of weights is truncated, corrupt or incomplete; the message names the file and what is wrong."""

    def __init__(self, path: Path, problem: str, remedy: str = "download or convert it again") -> None:
        super().__init__(f"{path}: {problem}; {remedy}")


@dataclass
class Checkpoint:
    """A model as its files describe it.

    make_config: builds the transformers `PretrainedConfig`, on first use of `config`. tensors: by the names of
    transformers' causal-LM classes, exactly those that the architecture needs. source: the folder or the GGUF file, where
    the tokenizer is too. fingerprint: tells contents apart, whatever the path. unused: names of tensors that are stored but
    take no part. remarks: what the user should know of the files.
    """

    make_config: Callable[[], Any]
    architecture: Architecture
    tensors: LazyTensors
    source: Path
    fingerprint: str
    unused: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @cached_property
    def config(self) -> Any:
        """The transformers configuration."""
        config = self.make_config()
        config.tie_word_embeddings = self.architecture.tie_embeddings  # the files may say otherwise
        return config

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
    # As transformers' classes: each family reads its own settings, and no others.
    out_bias = arch.family in ("llama", "qwen3") and bool(getattr(config, "attention_bias", False))
    qkv_bias = out_bias or arch.family == "qwen2"
    mlp_bias = arch.family == "llama" and bool(getattr(config, "mlp_bias", False))
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
            ("mlp.gate_proj", inner, width, mlp_bias),
            ("mlp.up_proj", inner, width, mlp_bias),
            ("mlp.down_proj", width, inner, mlp_bias),
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
    if architecture.num_layers > len(tensors):
        raise DamagedFileError(source, f"{architecture.num_layers} layers in {len(tensors)} tensors: some are missing")
    tied, tensors, said = settle_tying(architecture.tie_embeddings, tensors)
    architecture = replace(architecture, tie_embeddings=tied)
    needed = needed_tensors(architecture, config)
    missing = [name for name in needed if name not in tensors]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        there = f"the first of the {len(tensors)} tensors there is {next(iter(tensors), None)!r}"
        raise DamagedFileError(source, f"the tensor {missing[0]!r}{more} is missing; {there}")
    for name, shape in needed.items():
        if tensors.shapes[name] != shape:
            raise DamagedFileError(source, f"the tensor {name!r} has shape {tensors.shapes[name]}, the configuration asks for {shape}")
    used = {*needed, "lm_head.weight"} if tied else set(needed)  # an equal head is no other tensor
    unused = tuple(name for name in tensors if name not in used)
    remarks = (*said, *unused_tensors(unused))
    return Checkpoint(make_config or (lambda: config), architecture, tensors.only(set(needed)), source, digest, unused, remarks)


def finite(tensor: Tensor, name: str, path: Path) -> Tensor:
    """`tensor`, unless a value is infinite or not a number: what flipped bits in scales and exponents look like. UserError for types
    of quantised weights, whose scales lie elsewhere."""
    if tensor.dtype not in (torch.float64, torch.float32, torch.float16, torch.bfloat16):
        kind = str(tensor.dtype).removeprefix("torch.")
        raise NotNativeError(f"{path}: the tensor {name!r} is stored as {kind}, which is quantised; load it with backend='transformers'")
    if not math.isfinite(float(tensor.sum(dtype=torch.float32))):  # one pass: any such value makes the sum one
        raise DamagedFileError(path, f"the tensor {name!r} holds values that are infinite or not numbers")
    return tensor
