"""Small models of every implementation, for the contract test."""

from __future__ import annotations

import functools
from collections.abc import Callable

import pytest
import torch

from foretell.models.adapter import TransformersModel
from foretell.models.architecture import Architecture
from foretell.models.base import Model
from foretell.models.engines.torch_engine import TorchEngine
from foretell.models.native import NativeModel
from foretell.models.tiny import TinyModel
from foretell.models.tiny_encoder_decoder import TinyEncoderDecoder

SIZES = {
    "vocab_size": 50, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 256,
}  # fmt: skip
LLAMA3 = {
    "rope_type": "llama3", "rope_theta": 1000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}  # fmt: skip


def config(family: str):
    """A configuration of a few thousand weights."""
    import transformers as t

    match family:
        case "llama":
            return t.LlamaConfig(**SIZES, rope_parameters=LLAMA3, attention_bias=True, mlp_bias=True)
        case "llama-plain":
            return t.LlamaConfig(**SIZES, tie_word_embeddings=True)
        case "mistral":
            return t.MistralConfig(**SIZES, sliding_window=5, head_dim=16)
        case "qwen2":
            return t.Qwen2Config(**SIZES, use_sliding_window=True, sliding_window=4, max_window_layers=1)
        case "qwen3":
            return t.Qwen3Config(**SIZES, head_dim=16)
        case "gemma3":
            kinds = ["sliding_attention", "full_attention", "sliding_attention"]
            return t.Gemma3TextConfig(**SIZES, head_dim=8, sliding_window=4, layer_types=kinds)
        case "gpt2":
            return t.GPT2Config(vocab_size=50, n_embd=32, n_layer=3, n_head=4, n_positions=256)
    raise ValueError(family)


@functools.cache
def transformers_model(family: str):
    """A random transformers model whose norms and biases are random too."""
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config(family)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


def random_llama(
    vocab_size: int, num_layers: int, width: int = 32, num_heads: int = 4, context: int = 256, spread: float = 0.3, seed: int = 0
):
    """A random Llama of transformers' with two key-value heads; `spread` is its weights' standard deviation."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    sizes = {"hidden_size": width, "intermediate_size": width * 3 // 2, "num_hidden_layers": num_layers, "num_attention_heads": num_heads}
    rest = {"num_key_value_heads": 2, "max_position_embeddings": context, "initializer_range": spread}
    return LlamaForCausalLM(LlamaConfig(vocab_size=vocab_size, **sizes, **rest)).eval()


def on_torch(model, name: str = "random", dtype: torch.dtype = torch.float32) -> Model:
    """A transformers model's weights in our own engine."""
    return NativeModel(TorchEngine(Architecture.from_config(model.config), model.state_dict(), dtype), name)


def native(family: str, dtype: torch.dtype = torch.float32) -> Model:
    return on_torch(transformers_model(family), f"{family}-{dtype}", dtype)


def cpu(family: str, dtype: str) -> Model:
    module = pytest.importorskip("foretell.models.engines.cpu", exc_type=ImportError)
    model = transformers_model(family)
    architecture = Architecture.from_config(model.config)
    return NativeModel(module.CpuEngine(architecture, module.pack(architecture, model.state_dict(), dtype), dtype), f"{family}-{dtype}")


MODELS: dict[str, Callable[[], Model]] = {
    "torch-llama": lambda: native("llama"),
    "torch-llama-bf16": lambda: native("llama", torch.bfloat16),
    "torch-mistral": lambda: native("mistral"),
    "torch-qwen2": lambda: native("qwen2"),
    "torch-qwen3": lambda: native("qwen3"),
    "cpu-llama-fp32": lambda: cpu("llama", "fp32"),
    "cpu-llama-int8": lambda: cpu("llama", "int8"),
    "cpu-mistral-fp32": lambda: cpu("mistral", "fp32"),
    "cpu-qwen2-fp32": lambda: cpu("qwen2", "fp32"),
    "cpu-qwen3-int8": lambda: cpu("qwen3", "int8"),
    "transformers-llama": lambda: TransformersModel(transformers_model("llama")),
    "transformers-mistral": lambda: TransformersModel(transformers_model("mistral")),
    "transformers-qwen2": lambda: TransformersModel(transformers_model("qwen2")),
    "transformers-gemma3": lambda: TransformersModel(transformers_model("gemma3")),
    "transformers-gpt2": lambda: TransformersModel(transformers_model("gpt2")),
    "tiny": lambda: TinyModel(vocab_size=50, num_layers=3),
    "tiny-encoder-decoder": lambda: TinyEncoderDecoder(vocab_size=50, num_layers=3),
}


@functools.cache
def build(name: str) -> Model:
    return MODELS[name]()
