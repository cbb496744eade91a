"""A few families as `benchmarks/model_families.py` compares all of them: drafted text is transformers' own, or the family is refused."""

from __future__ import annotations

import importlib.util
import sys
import warnings
from pathlib import Path

import pytest
import torch

from foretell.errors import UserError
from foretell.models.adapter import TransformersModel
from foretell.models.base import Feed
from tests.models.zoo import SIZES

_PATH = Path(__file__).parents[2] / "benchmarks" / "model_families.py"
_spec = importlib.util.spec_from_file_location("model_families", _PATH)
assert _spec is not None
assert _spec.loader is not None
families = importlib.util.module_from_spec(_spec)
sys.modules["model_families"] = families
_spec.loader.exec_module(families)


@pytest.mark.parametrize("name", ["llama_yarn", "mistral_window", "qwen2_window", "qwen2_window_off", "gemma2", "phi3_longrope", "gpt_neo"])
def test_drafted_text_is_the_librarys(tmp_path, name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert families.compare(name, tmp_path)["outcome"] == "equal"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("falcon_alibi", "FalconForCausalLM does not fit: its forward fails on a token tree"),
        ("openai-gpt", "OpenAIGPTLMHeadModel does not fit: its forward fails on a token tree"),
        ("bloom", "BloomForCausalLM does not fit: its forward takes no position_ids"),
        ("roberta", "RobertaForCausalLM does not fit: positions, masks or caches are not honoured"),
        ("bert_masked", "BertLMHeadModel does not fit: positions, masks or caches are not honoured"),
        ("llama4_text", "Llama4ForCausalLM does not fit: layers of kind chunked_attention"),
    ],
)
def test_families_that_do_not_fit_are_refused_by_name(tmp_path, name, says):
    result = families.compare(name, tmp_path)
    assert (result["outcome"], result["why"][: len(says)]) == ("refused", says)


def test_windows_that_a_class_does_not_use_are_not_used():
    """Moshi and OLMoE hand `sliding_window` to kernels of their own only."""
    from transformers import Qwen2Config, Qwen2ForCausalLM

    from foretell.models.adapter_windows import read_windows

    config = Qwen2Config(**SIZES, use_sliding_window=True, sliding_window=4, max_window_layers=1)
    assert read_windows(Qwen2ForCausalLM, config) == {"full_attention": 0, "sliding_attention": 4}
    assert read_windows(type("Own", (), {"__module__": __name__}), config) == {"full_attention": 0, "sliding_attention": 0}


def test_a_window_longer_than_the_probe_is_tried_shortened(monkeypatch):
    from transformers import MistralConfig, MistralForCausalLM

    torch.manual_seed(0)
    network = MistralForCausalLM(MistralConfig(**SIZES, sliding_window=100, initializer_range=0.4)).eval()
    assert TransformersModel(network).windows == 100
    assert network.config.sliding_window == 100
    monkeypatch.setattr("foretell.models.adapter.read_windows", lambda *_: 99)
    with pytest.raises(UserError, match="sliding windows are read in another way"):
        TransformersModel(network)


def test_more_rows_than_positions_in_a_model_with_masks_of_its_own():
    """GPT-Neo's local layers count rows of the cache; a tree has more of them than the text has positions."""
    from transformers import GPTNeoConfig, GPTNeoForCausalLM

    torch.manual_seed(0)
    sizes = {"vocab_size": 50, "hidden_size": 32, "num_layers": 2, "num_heads": 4, "max_position_embeddings": 24, "window_size": 4}
    network = GPTNeoForCausalLM(GPTNeoConfig(**sizes, attention_types=[[["global", "local"], 1]], initializer_range=0.5)).eval()
    model = TransformersModel(network)
    text = [(5 * i) % 50 for i in range(20)]
    cache = model.new_cache()
    model.forward([Feed(cache, text, num_logits=0)])
    cache.keep(range(20))
    rows = model.forward([Feed(cache, [1, 2, 3, 4, 5, 6, 7, 8], [-1, 0, 1, 2, -1, 4, 5, 6])])[0].logits
    with torch.no_grad():
        for branch, found in (([1, 2, 3, 4], rows[3]), ([5, 6, 7, 8], rows[7])):
            assert torch.allclose(found, network(torch.tensor([text + branch]), use_cache=False).logits[0, -1], atol=1e-4)
