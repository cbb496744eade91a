"""What config.json says beyond sizes: whether a folder is a causal language model at all, and settings that nobody reads."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from foretell.errors import UserError
from foretell.models.architecture import FAMILIES
from foretell.models.generation_settings import GREEDY_SETTINGS
from foretell.models.not_native import NotNativeError
from foretell.models.weights.checkpoint import DamagedFileError

#: The remedy for adapters.
MERGE = "merge it into its base model (peft's merge_and_unload, then save_pretrained) and load that"
#: The causal-LM class of each family of the native engine.
NATIVE_CLASSES = {"llama": "Llama", "mistral": "Mistral", "qwen2": "Qwen2", "qwen3": "Qwen3"}
_CAUSAL = re.compile(r".*(ForCausalLM|LMHeadModel|ForConditionalGeneration)")
_ROPE = ("rope_parameters", "rope_scaling", "rope_theta", "original_max_position_embeddings")
_SIZES = (
    "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim",
    "rms_norm_eps", "max_position_embeddings", "tie_word_embeddings", "hidden_act",
)  # fmt: skip
_WINDOWS = ("sliding_window", "use_sliding_window", "max_window_layers", "layer_types")
#: Settings that change what the native engine computes, by family: all that transformers' class reads.
NATIVE_SETTINGS: dict[str, frozenset[str]] = {
    "llama": frozenset((*_SIZES, *_ROPE, "attention_bias", "mlp_bias")),
    "mistral": frozenset((*_SIZES, *_ROPE, "sliding_window")),
    "qwen2": frozenset((*_SIZES, *_ROPE, *_WINDOWS)),
    "qwen3": frozenset((*_SIZES, *_ROPE, *_WINDOWS, "attention_bias")),
}
#: Settings that change no row of a text: about training, files, other libraries and how transformers runs.
HARMLESS = frozenset(
    (
        "model_type", "architectures", "auto_map", "quantization_config", "transformers_version", "torch_dtype", "dtype", "use_cache",
        "initializer_range", "attention_dropout", "hidden_dropout", "resid_pdrop", "embd_pdrop", "attn_pdrop", "dropout", "summary_type",
        "pretraining_tp", "bos_token_id", "eos_token_id", "pad_token_id", "sep_token_id", "unk_token_id", "decoder_start_token_id",
        "name_or_path", "attn_implementation",
        "output_attentions", "output_hidden_states", "return_dict", "use_return_dict", "torchscript", "gradient_checkpointing",
        "chunk_size_feed_forward", "is_encoder_decoder", "is_decoder", "add_cross_attention", "cross_attention_hidden_size", "id2label",
        "label2id", "num_labels", "problem_type", "task_specific_params", "finetuning_task", "pruned_heads", "tie_encoder_decoder",
        "max_sequence_length", "tokenizer_class", "prefix", "use_bfloat16", "tf_legacy_loss", "model_max_length", "unsloth_version",
        "unsloth_fixed", "license", "max_length", "license_name", "license_link",
        "temperature", "top_k", "top_p", "min_p", "typical_p", "do_sample", "early_stopping", "length_penalty", "num_return_sequences",
        "output_scores", "return_dict_in_generate", "suppress_tokens", "remove_invalid_values", "max_new_tokens",
    )
)  # fmt: skip


def check_folder(folder: Path, values: Mapping[str, Any]) -> None:
    """UserError where `values`, the contents of config.json, are not those of a causal language model on its own."""
    adapter = folder / "adapter_config.json"
    if adapter.is_file():
        raise UserError(f"{folder}: adapter_config.json makes it a PEFT adapter; {MERGE}")
    if values.get("is_causal") is False or values.get("use_bidirectional_attention") in (True, "all"):
        raise UserError(f"{folder}: config.json says that tokens see later ones, so it is an encoder and no causal language model")
    named = values.get("architectures") or []
    if not isinstance(named, list) or not all(isinstance(each, str) for each in named):
        raise DamagedFileError(folder / "config.json", f"architectures={named!r} is no list of names")
    family = values["model_type"]
    native = NATIVE_CLASSES.get(family) if isinstance(family, str) else None
    bare = (f"{native}Model",) if native else tuple(each for each in named if each.endswith("Model") and "For" not in each)
    for each in named[:1]:
        if not _CAUSAL.fullmatch(each) and each not in bare:
            raise UserError(
                f"{folder}: config.json says {each}, which is no causal language model; take one whose name ends with ForCausalLM"
            )


def check_native(folder: Path, values: Mapping[str, Any]) -> None:
    """UserError where a folder's family, or the way in which its weights are stored, is none that the native reader knows."""
    if values["model_type"] not in FAMILIES:
        raise NotNativeError(
            f"model_type={values['model_type']!r} is not one of {', '.join(FAMILIES)}; load it with backend='transformers'"
        )
    if quantised := values.get("quantization_config"):
        method = quantised.get("quant_method", "unknown") if isinstance(quantised, Mapping) else quantised
        raise NotNativeError(f"{folder}: weights quantised by {method!r} are not read here; load it with backend='transformers'")


def remarks(values: Mapping[str, Any], known: Iterable[str] | None = None) -> list[str]:
    """Settings of config.json that nothing reads, in words. known: settings that the model's class reads; None: by native family."""
    family = values["model_type"]
    native = NATIVE_CLASSES.get(family)
    said = []
    named = (values.get("architectures") or [None])[0]
    if native and named not in (None, f"{native}ForCausalLM", f"{native}Model"):
        said.append(f"architectures says {named}, but it is computed as {native}ForCausalLM, since model_type is {family!r}")
    if values.get("auto_map"):
        said.append("auto_map names code of its own, which is not run: the model is computed as transformers computes its model_type")
    readers = set(NATIVE_SETTINGS[family] if known is None else known) | HARMLESS | GREEDY_SETTINGS.keys()
    rope = values.get("rope_parameters") or values.get("rope_scaling")
    if native and isinstance(rope, Mapping) and "partial_rotary_factor" in rope:
        values = {**values, "partial_rotary_factor": rope["partial_rotary_factor"]}  # these families turn whole heads
    unread = {key: value for key, value in values.items() if key not in readers and not _is_neutral(key, value)}
    if unread:
        shown = ", ".join(f"{key}={str(value)[:40]}" for key, value in sorted(unread.items())[:8])
        said.append(f"nothing reads {shown}: transformers' class of model_type {family!r} has no such setting")
    return said


def _is_neutral(key: str, value: Any) -> bool:
    return value is not True and (value in (None, False, 0, 1, "", [], {}) or key.startswith("_"))
