"""The tiny model is a proper language model whose rows depend on nothing but their last tokens."""

from __future__ import annotations

import itertools

import pytest
import torch

from foretell.models.base import Feed
from foretell.models.tiny import TinyModel


@pytest.mark.parametrize("model", TinyModel.examples(), ids=repr)
def test_rows_are_bit_identical_in_any_batch(model):
    texts = list(itertools.product(range(model.vocab_size), repeat=3))
    alone = [model.forward([Feed(model.new_cache(), text)])[0].logits for text in texts]
    together = model.forward([Feed(model.new_cache(), text) for text in texts])
    assert all(torch.equal(a, b.logits) for a, b in zip(alone, together, strict=True))


def test_rows_depend_on_the_last_tokens_only():
    model = TinyModel(order=2)
    a, b, c = (model.forward([Feed(model.new_cache(), text)])[0].logits[-1] for text in ([0, 1, 2], [3, 1, 2], [0, 3, 2]))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


def test_the_seed_changes_the_model_and_nothing_else_does():
    def rows(seed: int) -> torch.Tensor:
        model = TinyModel(seed=seed)
        return model.forward([Feed(model.new_cache(), [0, 1])])[0].logits

    assert torch.equal(rows(0), rows(0))
    assert not torch.equal(rows(0), rows(1))


def test_sharpness_scales_the_logits():
    flat, sharp = TinyModel(sharpness=0), TinyModel(sharpness=10)
    assert flat.forward([Feed(flat.new_cache(), [0])])[0].logits.abs().max() == 0
    spread = torch.cat([sharp.forward([Feed(sharp.new_cache(), pair)])[0].logits for pair in itertools.product(range(4), repeat=2)]).std()
    assert 5 < spread < 20


def test_bad_settings_are_refused():
    with pytest.raises(ValueError, match="vocab_size=0"):
        TinyModel(vocab_size=0)
