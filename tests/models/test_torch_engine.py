"""The native forward computes what transformers computes."""

from __future__ import annotations

import pytest
import torch

from foretell.models.architecture import Architecture
from foretell.models.base import Feed
from foretell.models.engines.torch_engine import TorchEngine
from foretell.models.native import NativeModel
from foretell.models.weights.checkpoint import needed_tensors
from tests.models.zoo import transformers_model

TEXT = [(7 * i * i + 3) % 50 for i in range(60)]


@pytest.mark.parametrize("family", ["llama", "llama-plain", "mistral", "qwen2", "qwen3"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_logits_are_those_of_transformers(family, dtype):
    reference = transformers_model(family)
    with torch.no_grad():
        expected = reference(torch.tensor([TEXT])).logits[0]
    architecture = Architecture.from_config(reference.config)
    model = NativeModel(TorchEngine(architecture, reference.state_dict(), dtype), "test")
    cache, rows = model.new_cache(), []
    for piece in (TEXT[:31], TEXT[31:32], TEXT[32:]):
        rows.append(model.forward([Feed(cache, piece)])[0].logits)
        cache.keep(range(len(piece)))
    error = (torch.cat(rows) - expected).abs().max()
    assert error < (1e-4 if dtype == torch.float32 else 0.1), error


@pytest.mark.parametrize("family", ["llama", "llama-plain", "mistral", "qwen2", "qwen3"])
def test_needed_tensors_are_those_of_transformers(family):
    model = transformers_model(family)
    there = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    if model.config.tie_word_embeddings:
        there.pop("lm_head.weight", None)
    assert needed_tensors(Architecture.from_config(model.config), model.config) == there


def test_an_unknown_type_is_refused():
    model = transformers_model("llama-plain")
    with pytest.raises(ValueError, match=r"dtype=torch\.int8 must be one of"):
        TorchEngine(Architecture.from_config(model.config), model.state_dict(), torch.int8)


def test_half_fused_biases_are_refused():
    model = transformers_model("qwen2")
    weights = dict(model.state_dict())
    del weights["model.layers.1.self_attn.k_proj.bias"]
    with pytest.raises(ValueError, match="all or none"):
        TorchEngine(Architecture.from_config(model.config), weights)
