"""What the fuzzer hands in as files of models: GGUF files, tokenizers and folders as transformers saves them.

Several files are one input, with an empty line between them.
"""

from __future__ import annotations

import json
import math
import re
import struct
from contextlib import suppress
from pathlib import Path

TEMPLATE = "{% for m in messages %}<|{{ m['role'] }}|>{{ m.content | trim }}{% endfor %}{% if add_generation_prompt %}<|a|>{% endif %}"
#: The most zeros behind the header of a safetensors file.
MOST_ZEROS = 10_000
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "generation_config.json", "config.json")


def gguf_corpus() -> list[bytes]:
    """A whole model of one layer, of zeros, with a tokenizer: a header with a little of everything."""

    def string(text: str) -> bytes:
        return struct.pack("<Q", len(text)) + text.encode()

    def entry(key: str, value: object) -> bytes:
        if isinstance(value, list):
            is_text = isinstance(value[0], str)
            items = b"".join(string(each) if is_text else struct.pack("<i", each) for each in value)
            return string(key) + struct.pack("<IIQ", 9, 8 if is_text else 5, len(value)) + items
        if isinstance(value, str):
            return string(key) + struct.pack("<I", 8) + string(value)
        return string(key) + (struct.pack("<If", 6, value) if isinstance(value, float) else struct.pack("<II", 4, value))

    settings = {"block_count": 1, "context_length": 64, "embedding_length": 8, "feed_forward_length": 16, "attention.head_count": 2}
    settings |= {"attention.head_count_kv": 1, "attention.layer_norm_rms_epsilon": 1e-5, "rope.freq_base": 1e4, "vocab_size": 5}
    tokens = ["a", "b", "ab", "<s>", "</s>"]
    names = {"model": "gpt2", "pre": "smollm", "tokens": tokens, "token_type": [1, 1, 1, 3, 3], "merges": ["a b"]}
    names |= {"bos_token_id": 3, "eos_token_id": 4}
    values = {"general.architecture": "llama", **{f"llama.{key}": each for key, each in settings.items()}}
    values |= {f"tokenizer.ggml.{key}": each for key, each in names.items()}
    shapes: dict[str, tuple[int, ...]] = {"token_embd": (8, 5), "output_norm": (8,), "blk.0.attn_norm": (8,), "blk.0.ffn_norm": (8,)}
    shapes |= {"blk.0.attn_q": (8, 8), "blk.0.attn_k": (8, 4), "blk.0.attn_v": (8, 4), "blk.0.attn_output": (8, 8)}
    shapes |= {"blk.0.ffn_gate": (8, 16), "blk.0.ffn_up": (8, 16), "blk.0.ffn_down": (16, 8)}
    tensors, at = b"", 0
    for name, shape in shapes.items():
        tensors += string(f"{name}.weight") + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, 0, at)
        at += 4 * math.prod(shape)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(shapes), len(values)) + b"".join(entry(*each) for each in values.items()) + tensors
    return [head + bytes(-len(head) % 32) + bytes(at)]


def read_gguf(data: bytes, folder: Path) -> None:
    from foretell.errors import UserError
    from foretell.models.weights.gguf_file import read_gguf as read
    from foretell.models.weights.gguf_reader import open_gguf
    from foretell.models.weights.gguf_tokenizer import read_tokenizer

    path = folder / "model.gguf"
    path.write_bytes(data)
    file = open_gguf(path)
    with suppress(UserError):
        text = read_tokenizer(file)
        text.decode(text.encode("ab a"))
        _ = text.token_bytes
    read(file)


def tokenizer_corpus() -> list[bytes]:
    """Small tokenizers of bytes, of pieces and of words, each with what lies beside it."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())[:94]
    of_bytes = Tokenizer(models.BPE({each: i for i, each in enumerate([*letters, "ab"])}, [("a", "b")]))
    of_bytes.pre_tokenizer, of_bytes.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    of_pieces = Tokenizer(models.Unigram([("<unk>", 0.0), ("▁a", -1.0), ("b", -2.0), ("<0x0A>", -3.0)], 0, True))
    of_pieces.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    of_pieces.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    of_words = Tokenizer(models.WordPiece({"[UNK]": 0, "a": 1, "##b": 2}, unk_token="[UNK]"))
    of_words.pre_tokenizer, of_words.decoder = pre_tokenizers.Whitespace(), decoders.WordPiece()
    configs = [
        {"bos_token": "<s>", "eos_token": {"content": "</s>"}, "chat_template": TEMPLATE, "extra_special_tokens": {"image_token": "<i>"}},
        {"added_tokens_decoder": {"4": {"content": "<s>", "special": True}}, "chat_template": [{"name": "default", "template": TEMPLATE}]},
        {"add_prefix_space": False, "pad_token": "[UNK]", "additional_special_tokens": ["<s>"], "tokenizer_class": "BertTokenizer"},
    ]
    beside = [{"eos_token": {"content": "</s>", "lstrip": False}}, {"eos_token_id": [1, 2]}, {"vocab_size": 100, "text_config": {}}]
    inputs = []
    for tokenizer, config in zip((of_bytes, of_pieces, of_words), configs, strict=True):
        tokenizer.add_special_tokens(["<s>", "</s>"])
        inputs.append(joined(json.loads(tokenizer.to_str()), config, *beside))
    return inputs


def read_tokenizer(data: bytes, folder: Path) -> None:
    from foretell.models.text import Text

    place(data, TOKENIZER_FILES, folder)
    text = Text.from_folder(folder)
    text.decode(text.encode("ab a"))
    _ = text.vocabulary, text.token_bytes
    text.chat("a")


def folder_corpus() -> list[bytes]:
    """Folders of tiny models: one file of weights, and shards with an index. The weights are their header; zeros follow."""
    sizes = {"vocab_size": 5, "hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    sizes |= {"num_key_value_heads": 1, "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "tie_word_embeddings": True}
    rope = {"rope_type": "llama3", "rope_theta": 1e4, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
    rope |= {"original_max_position_embeddings": 32}
    llama = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], **sizes, "rope_parameters": rope, "eos_token_id": 4}
    qwen = {"model_type": "qwen2", "architectures": ["Qwen2ForCausalLM"], **sizes, "sliding_window": 4, "use_sliding_window": True}
    qwen |= {"max_window_layers": 0, "torch_dtype": "float32"}
    shapes = {"embed_tokens": [5, 8], "norm": [8]}
    layer = {"self_attn.q_proj": [8, 8], "self_attn.k_proj": [4, 8], "self_attn.v_proj": [4, 8], "self_attn.o_proj": [8, 8]}
    layer |= {"mlp.gate_proj": [16, 8], "mlp.up_proj": [16, 8], "mlp.down_proj": [8, 16]}
    layer |= {"input_layernorm": [8], "post_attention_layernorm": [8]}
    shapes |= {f"layers.0.{name}": shape for name, shape in layer.items()}
    weights = {f"model.{name}.weight": shape for name, shape in shapes.items()}
    biases = {f"model.layers.0.self_attn.{each}_proj.bias": [8 if each == "q" else 4] for each in "qkv"}
    settings = {"eos_token_id": [4], "suppress_tokens": [1], "repetition_penalty": 1.1, "stop_strings": ["a"]}
    index = {"metadata": {"total_size": 1}, "weight_map": dict.fromkeys({**weights, **biases}, "a.safetensors")}
    return [joined(llama, settings, header(weights)), joined(qwen, settings, header({**weights, **biases}), index)]


def header(shapes: dict[str, list[int]]) -> dict[str, object]:
    """The header of a safetensors file with float32 tensors of these shapes."""
    at = 0
    written: dict[str, object] = {"__metadata__": {"format": "pt"}}
    for name, shape in shapes.items():
        end = at + 4 * shape[0] * (shape[1] if len(shape) > 1 else 1)
        written[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, end]}
        at = end
    return written


def read_folder(data: bytes, folder: Path) -> None:
    import foretell as ft
    from foretell.models.base import Context, Feed

    config, settings, head, *index = [*data.split(b"\n\n"), b"", b""][:4]
    place(b"\n\n".join([config, settings, *index]), ("config.json", "generation_config.json", "model.safetensors.index.json"), folder)
    for path in folder.glob("*.safetensors"):
        path.unlink()
    name = "a.safetensors" if index and index[0] else "model.safetensors"
    (folder / name).write_bytes(struct.pack("<Q", len(head)) + head + bytes(end_of(head)))
    model = ft.load(folder, dtype="fp32", progress=False)
    model.forward([Feed(model.new_cache(Context(2)), tokens=[0, 0])])


def end_of(head: bytes) -> int:
    """Where the last tensor of a safetensors header ends, so that the file has the length that it states."""
    return min(MOST_ZEROS, max((int(end) for end in re.findall(rb"(\d{1,6})\]\}", head)), default=0))


def joined(*values: object) -> bytes:
    """Values as the parts of one input."""
    return b"\n\n".join(json.dumps(value).encode() for value in values)


def place(data: bytes, names: tuple[str, ...], folder: Path) -> None:
    """Write the parts of an input into files of these names; those that have no part, or an empty one, are removed."""
    parts = data.split(b"\n\n")
    for number, name in enumerate(names):
        (folder / name).unlink(missing_ok=True)
        if number < len(parts) and parts[number]:
            (folder / name).write_bytes(parts[number])
