"""GGUF files of the Llama family: metadata to a transformers configuration, tensors to transformers' names and layout.

All quantisations that the gguf package can expand are read. Architectures: llama (mistral files call themselves so too),
qwen2, qwen3.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from torch import Tensor

from foretell.errors import UserError
from foretell.models.weights.checkpoint import Checkpoint, DamagedFileError, checked, fingerprint, finite
from foretell.models.weights.gguf_keys import check_unread, gguf_rope
from foretell.models.weights.gguf_reader import GGUFFile, TensorInfo, expanded
from foretell.models.weights.gguf_split import gguf_parts
from foretell.models.weights.gguf_values import GGUFValues
from foretell.models.weights.lazy_tensors import LazyTensors

ARCHITECTURES = {"llama": "llama", "mistral": "mistral", "qwen2": "qwen2", "qwen3": "qwen3"}
#: Tensors that are read with the metadata.
_READ_BEFORE = ("rope_freqs.weight",)
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
    """The file's checkpoint; tensors are expanded to float32 when asked for. UserError for tensors that its architecture has not."""
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
    names = {transformers_name(name) or name: name for name in infos}
    for full, name in names.items():
        info = infos[name]
        readers[full] = partial(_read, info, config, path)
        shapes[full] = info.shape
    checkpoint = checked(config, LazyTensors(readers, shapes), path, fingerprint(gguf_parts(path)), make_config)
    strange = [
        name for full in checkpoint.unused if (name := names[full]) not in _READ_BEFORE and not name.endswith("attn_rot_embd.weight")
    ]
    if strange:
        raise UserError(
            f"{path}: the tensor {strange[0]!r} (one of {len(strange)}) takes no part in the architecture {family!r}, so the file is of "
            "another one; load the model's safetensors folder with backend='transformers'"
        )
    return replace(checkpoint, unused=(), remarks=())


def gguf_settings(file: GGUFFile) -> tuple[str, dict[str, Any]]:
    """The transformers model type and the configuration's settings that a GGUF file's metadata describe."""
    path, infos = file.path, file.tensors
    values = GGUFValues(path, file.metadata)
    arch = values.text("general.architecture")
    if arch not in ARCHITECTURES:
        raise UserError(
            f"{path}: GGUF architecture {arch!r} is not one of {', '.join(ARCHITECTURES)}; "
            "load the model's safetensors folder with backend='transformers'"
        )
    if file.metadata.get(f"{arch}.expert_count"):
        raise UserError(f"{path}: a mixture of experts is not read from GGUF; load its safetensors folder with backend='transformers'")
    if len(getattr(infos.get("token_embd.weight"), "shape", ())) != 2:
        raise DamagedFileError(path, "the tensor 'token_embd.weight' is missing, or no matrix")
    heads, width = values.whole(f"{arch}.attention.head_count"), values.whole(f"{arch}.embedding_length")
    head_dim = values.whole(f"{arch}.attention.key_length", width // heads or None)
    window = values.whole(f"{arch}.attention.sliding_window", 0, least=0)
    vocab_size = infos["token_embd.weight"].shape[0]
    num_layers = values.whole(f"{arch}.block_count")
    if num_layers > len(infos):  # configurations keep a list as long
        raise DamagedFileError(path, f"{num_layers} layers in {len(infos)} tensors: some are missing")
    settings = {
        "vocab_size": vocab_size,
        "hidden_size": width,
        "intermediate_size": values.whole(f"{arch}.feed_forward_length"),
        "num_hidden_layers": num_layers,
        "num_attention_heads": heads,
        "num_key_value_heads": values.whole(f"{arch}.attention.head_count_kv", heads),
        "head_dim": head_dim,
        "rms_norm_eps": values.real(f"{arch}.attention.layer_norm_rms_epsilon"),
        "max_position_embeddings": values.whole(f"{arch}.context_length"),
        "tie_word_embeddings": "output.weight" not in infos,
        "rope_parameters": gguf_rope(values, infos.get("rope_freqs.weight"), arch, head_dim),
        "attention_bias": "blk.0.attn_output.bias" in infos or (arch != "qwen2" and "blk.0.attn_q.bias" in infos),
        "mlp_bias": "blk.0.ffn_down.bias" in infos,
        **{f"{each}_token_id": _token(file, each, vocab_size) for each in ("bos", "eos")},
    }
    if values.whole(f"{arch}.attention.value_length", head_dim) != head_dim:
        raise UserError(f"{path}: {arch}.attention.value_length differs from key_length; load its safetensors folder")
    check_unread(values, arch)
    family = ARCHITECTURES[arch]
    if window:
        settings |= {"sliding_window": window, "use_sliding_window": True, "max_window_layers": 0}
        family = "mistral" if family == "llama" else family  # the same but for the window
    elif family == "mistral":
        settings["sliding_window"] = None
    return family, settings


def _token(file: GGUFFile, name: str, vocab_size: int) -> int | None:
    """A special token of the tokenizer, None where its id is none of the vocabulary."""
    found = file.metadata.get(f"tokenizer.ggml.{name}_token_id")
    return found if isinstance(found, int) and 0 <= found < vocab_size else None


def transformers_name(name: str) -> str | None:
    """The transformers name of a GGUF tensor, None for those that no model of the family reads."""
    stem, _, kind = name.rpartition(".")
    if stem in _TOP:
        return f"{_TOP[stem]}.{kind}"
    parts = stem.split(".")
    if len(parts) == 3 and parts[0] == "blk" and parts[2] in _LAYER:
        return f"model.layers.{parts[1]}.{_LAYER[parts[2]]}.{kind}"
    return None


def _read(info: TensorInfo, config: Any, path: Path) -> Tensor:
    tensor = expanded(info, path)
    if config.model_type in ("llama", "mistral") and (".attn_q." in info.name or ".attn_k." in info.name):
        heads = config.num_attention_heads if ".attn_q." in info.name else config.num_key_value_heads
        tensor = _unpermuted(tensor, heads)
    return finite(tensor, info.name, path)


def _unpermuted(tensor: Tensor, heads: int) -> Tensor:
    """From llama.cpp's order (pairs of one rotation side by side) to transformers' (first halves, then second halves)."""
    pairs = tensor.reshape(heads, tensor.shape[0] // heads // 2, 2, *tensor.shape[1:])
    return pairs.transpose(1, 2).reshape(tensor.shape)
