"""The default model: found, converted once, and the same model as in transformers."""

from __future__ import annotations

import importlib.util

import pytest
import torch

from foretell.models import load as load_module
from foretell.models.base import Feed
from foretell.models.default import PACKAGE
from foretell.models.load import load, read_checkpoint
from foretell.models.locate import locate

pytestmark = [pytest.mark.model, pytest.mark.skipif(not importlib.util.find_spec(PACKAGE), reason=f"{PACKAGE} is not installed")]
SENTENCE = "In 1984, George Orwell wrote: “War is peace.” def f(x):\n    return x + 17"


def test_the_default_model_answers_and_loads_again_from_the_cache(monkeypatch):
    model = load()
    text = model.tokenizer
    prompt = text.chat("What is the capital of France?")
    cache, answer = model.new_cache(), []
    row = model.forward([Feed(cache, prompt, num_logits=1)])[0].logits[-1]
    cache.keep(range(len(prompt)))
    while len(answer) < 12 and int(row.argmax()) not in text.stop_tokens:
        answer.append(int(row.argmax()))
        row = model.forward([Feed(cache, answer[-1:])])[0].logits[-1]
        cache.keep([0])
    assert text.decode(answer) == "The capital of France is Paris."

    def refuse(source):
        raise AssertionError("the source was read again")

    monkeypatch.setattr(load_module, "read_checkpoint", refuse)
    again = load("default")
    assert again.fingerprint == model.fingerprint
    assert again.tokenizer.chat("Hi") == text.chat("Hi")
    assert torch.equal(again.forward([Feed(again.new_cache(), prompt, num_logits=1)])[0].logits[0],
                       model.forward([Feed(model.new_cache(), prompt, num_logits=1)])[0].logits[0])  # fmt: skip


def test_logits_are_those_of_transformers():
    from transformers import AutoModelForCausalLM

    checkpoint = read_checkpoint(locate())
    reference = AutoModelForCausalLM.from_config(checkpoint.config).eval()
    reference.load_state_dict(dict(checkpoint.tensors), strict=False)
    reference.tie_weights()
    model = load(dtype="fp32", device="cpu")
    ids = model.tokenizer.encode(SENTENCE)
    assert model.tokenizer.decode(ids) == SENTENCE
    with torch.no_grad():
        expected = reference(torch.tensor([ids])).logits[0]
    error = (model.forward([Feed(model.new_cache(), ids)])[0].logits - expected).abs().max()
    assert error < 1e-3, error  # logits reach 40: 1e-3 is what the order of sums in float32 leaves
