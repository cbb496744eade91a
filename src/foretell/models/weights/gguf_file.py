"""GGUF files of the Llama family: metadata to a transformers configuration, tensors to transformers' names and layout.

All quantisations that the gguf package can expand are read. Architectures: llama (mistral files call themselves so too),
qwen2, qwen3.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from foretell.errors import UserError
from foretell.models.weights.checkpoint import Checkpoint, DamagedFileError, LazyTensors, checked, fingerprint, finite
from foretell.models.weights.gguf_reader import GGUFFile, TensorInfo

ARCHITECTURES = {"llama": "llama", "mistral": "mistral", "qwen2": "qwen2", "qwen3": "qwen3"}
_TOP = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
_LAYER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def read_gguf(file: GGUFFile) -> Checkpoint:
    """The file's checkpoint; tensors are expanded to float32 when asked for."""
    path, infos = file.path, file.tensors
    family, settings = gguf_settings(file)

    def make_config() -> Any:
        from transformers import AutoConfig

        return AutoConfig.for_model(family, **settings)

    # transformers takes seconds to import; only scaled rotary frequencies need it here
    plain = settings["rope_parameters"]["rope_type"] == "default"
    config = SimpleNamespace(model_type=family, **settings) if plain else make_config()
    readers: dict[str, Any] = {}
    shapes: dict[str, tuple[int, ...]] = {}
    for name, info in infos.items():
        full = transformers_name(name)
        if full is not None:
            readers[full] = partial(_read, info, config, path)
            shapes[full] = info.shape
    return checked(config, LazyTensors(readers, shapes), path, fingerprint([path]), make_config)


def gguf_settings(file: GGUFFile) -> tuple[str, dict[str, Any]]:
    """The transformers model type and the configuration's settings that a GGUF file's metadata describe."""
    path, values, infos = file.path, file.metadata, file.tensors
    arch = values.get("general.architecture")
    if arch not in ARCHITECTURES:
        raise UserError(
            f"{path}: GGUF architecture {arch!r} is not one of {', '.join(ARCHITECTURES)}; "
            "load the model's safetensors folder with backend='transformers'"
        )

    def value(key: str, default: Any = None) -> Any:
        found = values.get(f"{arch}.{key}", default)
        if found is None:
            raise DamagedFileError(path, f"the metadata lack {arch}.{key}")
        return found

    if values.get(f"{arch}.expert_count"):
        raise UserError(f"{path}: a mixture of experts is not read from GGUF; load its safetensors folder with backend='transformers'")
    if "token_embd.weight" not in infos:
        raise DamagedFileError(path, "the tensor 'token_embd.weight' is missing")
    heads, width = int(value("attention.head_count")), int(value("embedding_length"))
    settings = {
        "vocab_size": infos["token_embd.weight"].shape[0],
        "hidden_size": width,
        "intermediate_size": int(value("feed_forward_length")),
        "num_hidden_layers": int(value("block_count")),
        "num_attention_heads": heads,
        "num_key_value_heads": int(value("attention.head_count_kv", heads)),
        "head_dim": int(value("attention.key_length", width // heads)),
        "rms_norm_eps": float(value("attention.layer_norm_rms_epsilon")),
        "max_position_embeddings": int(value("context_length")),
        "tie_word_embeddings": "output.weight" not in infos,
        "rope_parameters": _rope(file, arch, int(value("context_length"))),
        "attention_bias": "blk.0.attn_output.bias" in infos or (arch != "qwen2" and "blk.0.attn_q.bias" in infos),
        "mlp_bias": "blk.0.ffn_down.bias" in infos,
        "bos_token_id": values.get("tokenizer.ggml.bos_token_id"),
        "eos_token_id": values.get("tokenizer.ggml.eos_token_id"),
    }
    family, window = ARCHITECTURES[arch], values.get(f"{arch}.attention.sliding_window")
    if window:
        settings |= {"sliding_window": int(window), "use_sliding_window": True, "max_window_layers": 0}
        family = "mistral" if family == "llama" else family  # the same but for the window
    elif family == "mistral":
        settings["sliding_window"] = None
    return family, settings


def _rope(file: GGUFFile, arch: str, max_length: int) -> dict[str, Any]:
    """transformers' `rope_parameters`. A `rope_freqs` tensor (Llama 3.1 and later) holds one divisor per frequency."""
    values, divided = file.metadata, file.tensors.get("rope_freqs.weight")
    theta = float(values.get(f"{arch}.rope.freq_base", 10000.0))
    kind = values.get(f"{arch}.rope.scaling.type", "none")
    factor = float(values.get(f"{arch}.rope.scaling.factor", 1.0))
    original = int(values.get(f"{arch}.rope.scaling.original_context_length", max_length))
    if divided is not None:
        divisors = _expanded(divided, file.path).flatten().tolist()
        # longrope is transformers' form for divisors given one by one; a factor of 1 keeps the size of cos and sin.
        return {
            "rope_type": "longrope", "rope_theta": theta, "short_factor": divisors, "long_factor": divisors, "factor": 1.0,
            "attention_factor": 1.0, "original_max_position_embeddings": max_length,
        }  # fmt: skip
    if kind == "linear":
        return {"rope_type": "linear", "rope_theta": theta, "factor": factor}
    if kind == "yarn":
        return {"rope_type": "yarn", "rope_theta": theta, "factor": factor, "original_max_position_embeddings": original}
    if kind not in ("none", ""):
        raise UserError(f"{file.path}: rope scaling {kind!r} is not known; load its safetensors folder with backend='transformers'")
    return {"rope_type": "default", "rope_theta": theta}


def transformers_name(name: str) -> str | None:
    """The transformers name of a GGUF tensor, None for those that no model of the family reads."""
    stem, _, kind = name.rpartition(".")
    if stem in _TOP:
        return f"{_TOP[stem]}.{kind}"
    parts = stem.split(".")
    if len(parts) == 3 and parts[0] == "blk" and parts[2] in _LAYER:
        return f"model.layers.{parts[1]}.{_LAYER[parts[2]]}.{kind}"
    return None


def _expanded(info: TensorInfo, path: Path) -> Tensor:
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


def _read(info: TensorInfo, config: Any, path: Path) -> Tensor:
    tensor = _expanded(info, path)
    if config.model_type in ("llama", "mistral") and (".attn_q." in info.name or ".attn_k." in info.name):
        heads = config.num_attention_heads if ".attn_q." in info.name else config.num_key_value_heads
        tensor = _unpermuted(tensor, heads)
    return finite(tensor, info.name, path)


def _unpermuted(tensor: Tensor, heads: int) -> Tensor:
    """From llama.cpp's order (pairs of one rotation side by side) to transformers' (first halves, then second halves)."""
    pairs = tensor.reshape(heads, tensor.shape[0] // heads // 2, 2, *tensor.shape[1:])
    return pairs.transpose(1, 2).reshape(tensor.shape)
