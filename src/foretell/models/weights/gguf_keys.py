"""What the metadata of a GGUF file say of its arithmetic: rotary frequencies, and keys that nothing here reads."""

from __future__ import annotations

import re
import warnings
from typing import Any

from foretell.errors import UserError
from foretell.models.weights.checkpoint import DamagedFileError
from foretell.models.weights.gguf_reader import TensorInfo, expanded
from foretell.models.weights.gguf_values import GGUFValues

#: Keys, without the architecture, that say nothing of a row's arithmetic, or nothing that the tensors do not say.
_HARMLESS = re.compile(
    r"vocab_size|tensor_data_layout|expert(_used)?_count|pooling_type|rope\.scaling\.(finetuned|type|factor|original_context_length)"
    r"|attention\.layer_norm_epsilon|embedding_length_out|use_parallel_residual|nextn_predict_layers"
)
#: Keys that change the arithmetic of llama.cpp's graphs.
_ARITHMETIC = re.compile(
    r".*(scale|softcapping|clamp|alibi|causal|lora|_swa|pattern|shared_kv|temperature|expert|sections|attn_factor|yarn_|alpha|norm|layout|every"
    r"|residual|ssm|indexer|interval).*"
)


def gguf_rope(values: GGUFValues, divided: TensorInfo | None, arch: str, head_dim: int) -> dict[str, Any]:
    """transformers' `rope_parameters`. divided: the tensor `rope_freqs` (Llama 3.1 and later), one divisor per frequency."""
    max_length = values.whole(f"{arch}.context_length")
    theta, factor = values.real(f"{arch}.rope.freq_base", 10000.0), values.real(f"{arch}.rope.scaling.factor", 1.0)
    kind = values.text(f"{arch}.rope.scaling.type", "none") or "none"
    original = values.whole(f"{arch}.rope.scaling.original_context_length", max_length)
    turned = values.whole(f"{arch}.rope.dimension_count", head_dim)
    if turned != head_dim:
        raise UserError(
            f"{values.path}: {arch}.rope.dimension_count={turned}, but a head has {head_dim} columns; load its safetensors folder"
        )
    if divided is not None:
        divisors = expanded(divided, values.path).flatten().tolist()
        if len(divisors) != head_dim // 2 or kind != "none":
            raise DamagedFileError(
                values.path, f"rope_freqs.weight has {len(divisors)} values for {head_dim // 2}, beside scaling {kind!r}"
            )
        # longrope is transformers' form for divisors given one by one; a factor of 1 keeps the size of cos and sin.
        return {
            "rope_type": "longrope", "rope_theta": theta, "short_factor": divisors, "long_factor": divisors, "factor": 1.0,
            "attention_factor": 1.0, "original_max_position_embeddings": max_length,
        }  # fmt: skip
    if kind == "linear":
        return {"rope_type": "linear", "rope_theta": theta, "factor": factor}
    if kind == "yarn":
        betas = {f"beta_{each}": values.real(f"{arch}.rope.scaling.yarn_beta_{each}", usual) for each, usual in (("fast", 32), ("slow", 1))}
        return {"rope_type": "yarn", "rope_theta": theta, "factor": factor, "original_max_position_embeddings": original, **betas}
    if kind != "none":
        raise UserError(f"{values.path}: rope scaling {kind!r} is not known; load its safetensors folder with backend='transformers'")
    return {"rope_type": "default", "rope_theta": theta}


def check_unread(values: GGUFValues, arch: str) -> None:
    """UserError for a key of the architecture that changes the arithmetic and that nobody asked `values` for; other keys are warned of."""
    strange = {}
    for key, value in values.metadata.items():
        name = key.removeprefix(f"{arch}.")
        neutral = value in (0, 1, "", "none", [], None) and not (name == "attention.causal" and value is False)
        if name == key or key in values.asked or _HARMLESS.fullmatch(name) or neutral:
            continue
        if _ARITHMETIC.fullmatch(name):
            raise UserError(
                f"{values.path}: {key}={str(value)[:40]} changes the arithmetic, and is not computed for GGUF files; "
                "load the model's safetensors folder with backend='transformers'"
            )
        strange[key] = value
    if strange:
        shown = ", ".join(f"{key}={str(value)[:40]}" for key, value in sorted(strange.items())[:8])
        warnings.warn(f"{values.path}: nothing reads {shown}", stacklevel=2)
