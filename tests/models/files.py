"""Small models written to disk: a folder as transformers saves it, and GGUF files as llama.cpp writes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from tests.models.zoo import transformers_model

NAMES = {
    "model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output", "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm", "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
}  # fmt: skip
CHAT = (
    "{{ bos_token }}{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def save_tokenizer(folder: Path, chat_template: str | None = CHAT) -> None:
    """A byte-level tokenizer of 256 bytes and a few specials, as tokenizer.json and tokenizer_config.json."""
    import json

    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({char: i for i, char in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(name, special=True) for name in ("<s>", "</s>", "<|im_end|>")])
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {"bos_token": "<s>", "eos_token": {"__type": "AddedToken", "content": "</s>"}, "chat_template": chat_template}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": [7, 257]}))


def save_folder(folder: Path, family: str = "llama", shard: str = "5GB", tokenizer: bool = True) -> Path:
    transformers_model(family).save_pretrained(folder, max_shard_size=shard)
    if tokenizer:
        save_tokenizer(folder)
    return folder


def permuted(tensor: np.ndarray, heads: int) -> np.ndarray:
    """llama.cpp's order of the rows of q and k."""
    return tensor.reshape(heads, 2, tensor.shape[0] // heads // 2, *tensor.shape[1:]).swapaxes(1, 2).reshape(tensor.shape)


def gguf_name(name: str) -> str:
    stem, _, kind = name.rpartition(".")
    if stem.startswith("model.layers."):
        number, _, inner = stem.removeprefix("model.layers.").partition(".")
        return f"blk.{number}.{NAMES[inner]}.{kind}"
    return f"{NAMES[stem]}.{kind}"


def save_gguf(path: Path, family: str, kinds: tuple[str, ...] = ("F32",), leave_out: str = "", tokenizer: bool = True, **extra) -> dict:
    """Write the zoo's model of `family`, its matrices in turn as `kinds`; returns the values stored, by transformers' names."""
    import gguf

    model = transformers_model(family)
    config = model.config
    arch = {"llama-plain": "llama", "mistral": "llama"}.get(family, family)
    writer = gguf.GGUFWriter(path, arch)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    if getattr(config, "head_dim", None):
        writer.add_key_length(config.head_dim)
    if family == "mistral":
        writer.add_sliding_window(config.sliding_window)
    if config.rope_parameters["rope_type"] == "llama3":
        rotary = model.base_model.rotary_emb
        plain = 1.0 / config.rope_parameters["rope_theta"] ** (torch.arange(0, 8, 2).float() / 8)
        writer.add_tensor("rope_freqs.weight", (plain / rotary.inv_freq).numpy())
    if tokenizer:
        from tokenizers import pre_tokenizers

        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre("smollm")
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())[:45]
        writer.add_token_list([*alphabet, "ab", "<s>", "</s>", "<|im_end|>", "<x>"])
        writer.add_token_types([1] * 46 + [3, 3, 3, 4])
        writer.add_token_merges(["a b"] if {"a", "b"} <= set(alphabet) else [])
        writer.add_bos_token_id(46)
        writer.add_eos_token_id(47)
        writer.add_chat_template(CHAT)
    for key, value in extra.items():
        writer.add_string(key.replace("__", "."), value)
    stored: dict[str, torch.Tensor] = {}
    matrices = 0
    for name, tensor in model.state_dict().items():
        if name == leave_out or (name == "lm_head.weight" and config.tie_word_embeddings):
            continue
        values = tensor.float().numpy()
        if arch == "llama" and ("q_proj" in name or "k_proj" in name):
            values = permuted(values, config.num_attention_heads if "q_proj" in name else config.num_key_value_heads)
        kind = gguf.GGMLQuantizationType.F32
        if values.ndim == 2:
            kind = gguf.GGMLQuantizationType[kinds[matrices % len(kinds)]]
            matrices += 1
            if values.shape[1] % gguf.GGML_QUANT_SIZES[kind][0]:
                kind = gguf.GGMLQuantizationType.F16
        data = gguf.quants.quantize(values, kind)
        writer.add_tensor(gguf_name(name), data, raw_dtype=kind)
        back = torch.from_numpy(np.array(gguf.quants.dequantize(data, kind))).reshape(tensor.shape)
        if arch == "llama" and ("q_proj" in name or "k_proj" in name):
            heads = config.num_attention_heads if "q_proj" in name else config.num_key_value_heads
            back = back.reshape(heads, -1, 2, *back.shape[1:]).transpose(1, 2).reshape(back.shape)
        stored[name] = back
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return stored
