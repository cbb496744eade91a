"""The public checks of `foretell.testing.model_contracts`, on every implementation; and broken models do not pass them."""

from __future__ import annotations

import gc

import pytest
import torch

from foretell.models.base import NO_CONTEXT, Attention, Context, Feed
from foretell.models.native import NativeModel
from foretell.models.tiny import TinyModel
from foretell.models.tiny_encoder_decoder import TinyEncoderDecoder
from foretell.testing.contracts import ContractError
from foretell.testing.model_contracts import CHECKS, check_model
from foretell.testing.stored_rows import StoredRows
from tests.models.zoo import MODELS, build


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", MODELS)
def test_every_model_passes(name, check):
    model = build(name)
    check(model, NO_CONTEXT)
    if model.memory_width:
        memory = torch.randn(3, model.memory_width, generator=torch.Generator().manual_seed(0))
        check(model, Context(memory=memory))


def test_stored_rows_pass():
    check_model(StoredRows(TinyModel(vocab_size=5)))


@pytest.mark.parametrize("name", MODELS)
def test_who_takes_what(name):
    """What a model of ours does not have is known here, not found by chance."""
    model = build(name)
    windows = name in ("torch-mistral", "torch-qwen2", "cpu-mistral-fp32", "cpu-qwen2-fp32")
    assert model.attentions == ({Attention.CAUSAL} if windows else set(Attention))
    assert model.has_positions
    assert bool(model.memory_width) == (name == "tiny-encoder-decoder")
    logits = model.head(model.norm(model.embed([1] * 300)))  # more rows than one piece of the head's
    assert logits.shape == (300, model.vocab_size)
    assert torch.allclose(logits, logits[:1], atol=1e-3)


@pytest.mark.parametrize("name", [name for name in MODELS if name.startswith("cpu")])
def test_the_compiled_head_has_the_bits_of_a_forward(name):
    model = build(name)
    text = [(5 * i + 2) % 50 for i in range(270)][: model.max_length]
    [rows] = model.forward([Feed(None, text)], hidden=[3, "post_norm"])
    assert torch.equal(model.norm(rows.hidden[3]), rows.hidden["post_norm"])
    assert torch.equal(model.head(rows.hidden["post_norm"]), rows.logits)
    for tokens in ([49], [3, 7, 3], list(range(49, -1, -1))):
        assert torch.equal(model.head(rows.hidden["post_norm"], tokens), rows.logits[:, tokens])
    more = torch.cat([rows.hidden[3]] * 3)  # more rows than one piece of the head's
    assert torch.equal(model.head(model.norm(more)), torch.cat([rows.logits] * 3))


@pytest.mark.parametrize("name", [name for name in MODELS if name.startswith(("torch", "cpu"))])
def test_a_forward_without_a_cache_holds_no_slots(name):
    model = build(name)
    assert isinstance(model, NativeModel)
    gc.collect()
    before = model.store.num_used
    model.forward([Feed(None, [1, 2, 3]), Feed(None, [4])])
    with pytest.raises(ValueError, match="token=50"):
        model.forward([Feed(None, [1, 2, 3]), Feed(None, [50])])
    assert model.store.num_used == before


def test_normalising_twice_is_seen():
    class Twice(TinyModel):
        def head(self, states, tokens=None):
            return super().head(self.norm(states), tokens)

    with pytest.raises(ContractError, match="head that is not that of forward"):
        check_model(Twice())


def test_ignored_attention_is_seen():
    class Causal(TinyModel):
        def _layer(self, text, layer, later=()):
            return super()._layer(text, layer)

    with pytest.raises(ContractError, match="do not see the later ones"):
        check_model(Causal())


def test_an_ignored_memory_is_seen():
    class Deaf(TinyEncoderDecoder):
        def _attend(self, feed, rows, hidden, start, stop):
            feed.cache.context = NO_CONTEXT
            return super()._attend(feed, rows, hidden, start, stop)

    with pytest.raises(ContractError, match="depend on whether there is a memory"):
        check_model(Deaf(), Context(memory=torch.ones(2, 4)))


def test_suppressed_tokens_stay_suppressed():
    model = TinyModel(vocab_size=6)
    model.suppressed = (2, 5)
    check_model(model)
    logits = model.head(torch.ones(2, model.width), [5, 1, 2])
    assert torch.isinf(logits).tolist() == [[True, False, True]] * 2
