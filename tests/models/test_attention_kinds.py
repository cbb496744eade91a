"""Blocks, explicit positions and mixed pieces against transformers, whose masks, positions and embeddings are made here by hand."""

from __future__ import annotations

import pytest
import torch

from foretell.models.adapter import TransformersModel
from foretell.models.base import POST_NORM, Attention, Feed, Model
from tests.models.zoo import cpu, native, transformers_model

TEXT = [3, 14, 15, 9, 26, 5, 35, 8, 9, 7]
#: Rows that embeddings stand at; what is fed in one feed; which of these rows see each other.
PLACES, FED, BLOCK = (4, 5), range(3, 9), range(3, 7)
MOVED = [0, 1, 2, 3, 3, 3, 4, 9, 6, 7]
WINDOWS = {"mistral": 5, "gemma3": 4}

BUILD = {
    "torch": native,
    "cpu": lambda family: cpu(family, "fp32"),
    "adapter": lambda family: TransformersModel(transformers_model(family)),
}
NAMES = ["torch-llama", "torch-qwen3", "cpu-llama", "cpu-qwen3", "adapter-llama", "adapter-gpt2", "adapter-mistral", "adapter-gemma3"]


@pytest.fixture(params=NAMES)
def case(request) -> tuple[Model, str]:
    backend, _, family = request.param.partition("-")
    return BUILD[backend](family), family


def mixture(width: int) -> torch.Tensor:
    return torch.randn(len(PLACES), width, generator=torch.Generator().manual_seed(3))


def reference(family: str, fed: torch.Tensor, block: range, positions: list[int], window: int = 0) -> torch.Tensor:
    """Logits of TEXT with `fed` at PLACES, by transformers alone."""
    model = transformers_model(family)
    with torch.no_grad():
        embeddings = model.get_input_embeddings()(torch.tensor(TEXT))
        for place, state in zip(PLACES, fed, strict=True):
            if family == "gpt2":  # adds its positions to what it is given
                state = state - model.transformer.wpe.weight[positions[place]]
            embeddings[place] = state
        masks = {}
        for kind, width in (("full_attention", 0), ("sliding_attention", window)):
            mask = torch.full((len(TEXT), len(TEXT)), torch.finfo(torch.float32).min)
            for row in range(len(TEXT)):
                for other in range(len(TEXT)):
                    near = other <= row and (not width or other > row - width)
                    if near or (row in block and other in block):
                        mask[row, other] = 0
            masks[kind] = mask[None, None]
        attention_mask = masks if family == "gemma3" else masks["sliding_attention" if window else "full_attention"]
        where = torch.tensor([positions])
        return model(inputs_embeds=embeddings[None], attention_mask=attention_mask, position_ids=where, use_cache=False).logits[0]


def ours(model: Model, fed: torch.Tensor, positions: list[int] | None, **attention) -> torch.Tensor:
    """The same rows, in three forwards, beside another sequence."""
    cache = model.new_cache()
    first = model.forward([Feed(cache, TEXT[:3])])[0].logits
    cache.keep(range(3))
    tokens = [*TEXT[:4], -1, -1, *TEXT[6:]]
    where = None if positions is None else [positions[row] for row in FED]
    feed = Feed(cache, tokens[3:9], embeddings=fed, places=[place - 3 for place in PLACES], positions=where, **attention)
    beside = Feed(None, [1, 2])
    middle = model.forward([beside, feed, beside], hidden=[POST_NORM])[1].logits
    cache.keep(range(6))
    last = model.forward([Feed(cache, tokens[9:], positions=None if positions is None else positions[9:])])[0].logits
    return torch.cat([first, middle, last])


def check(got: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(got, expected, atol=1e-4, rtol=1e-4)


def test_a_prefix_with_embeddings_in_it(case):
    model, family = case
    fed = mixture(model.width)
    usual = list(range(len(TEXT)))
    window = WINDOWS.get(family, 0)
    expected = reference(family, fed, BLOCK, usual, window)
    check(ours(model, fed, None, attention=Attention.PREFIX, num_prefix=len(BLOCK)), expected)
    # the block changes rows: the comparison can fail
    assert (reference(family, fed, range(0), usual, window) - expected)[list(BLOCK)].abs().max() > 1e-2


def test_a_full_feed(case):
    model, family = case
    fed = mixture(model.width)
    expected = reference(family, fed, FED, list(range(len(TEXT))), WINDOWS.get(family, 0))
    check(ours(model, fed, None, attention=Attention.FULL), expected)


def test_positions_that_are_named(case):
    model, family = case
    fed = mixture(model.width)
    window = WINDOWS.get(family, 0)
    expected = reference(family, fed, range(0), MOVED, window)
    check(ours(model, fed, MOVED), expected)
    assert (reference(family, fed, range(0), list(range(len(TEXT))), window) - expected).abs().max() > 1e-2
    check(ours(model, fed, MOVED, attention=Attention.FULL), reference(family, fed, FED, MOVED, window))


def test_an_encoder_without_a_cache(case):
    model, family = case
    fed = mixture(model.width)
    whole = range(len(TEXT))
    tokens = [*TEXT[:4], 0, 0, *TEXT[6:]]
    feed = Feed(None, tokens, embeddings=fed, places=PLACES, attention=Attention.FULL)
    check(model.forward([feed])[0].logits, reference(family, fed, whole, list(whole), WINDOWS.get(family, 0)))


@pytest.mark.parametrize("window", ["torch-mistral", "cpu-mistral", "torch-qwen2"])
def test_windows_count_rows_where_positions_are_named(window):
    backend, _, family = window.partition("-")
    model = BUILD[backend](family)
    fed = mixture(model.width)
    if family == "mistral":
        check(ours(model, fed, MOVED), reference(family, fed, range(0), MOVED, WINDOWS[family]))
    with pytest.raises(ValueError, match="attention='full', but this NativeModel has causal only"):
        model.forward([Feed(None, TEXT, attention=Attention.FULL)])
