"""Rotary frequencies that change with the length: rows are those of the text that ends with them, however it was fed."""

from __future__ import annotations

import functools

import pytest
import torch

from foretell.decoding.draws import SampledDraws
from foretell.decoding.recipe import Recipe
from foretell.decoding.request import Request
from foretell.decoding.sampler import Sampler
from foretell.decoding.session import Session
from foretell.errors import UserError
from foretell.models.adapter import TransformersModel
from foretell.models.architecture import Architecture
from foretell.models.base import Feed
from foretell.models.load import load
from foretell.models.not_native import NotNativeError
from foretell.models.rope import switch_length
from foretell.models.switching import SwitchingModel
from tests.models.zoo import SIZES

SWITCH = 12
LONGROPE = {
    "rope_type": "longrope", "rope_theta": 1000.0, "short_factor": [1.0] * 4, "long_factor": [5.0, 4.0, 3.0, 2.0], "factor": 4.0,
    "original_max_position_embeddings": SWITCH,
}  # fmt: skip
TEXT = [(7 * i * i + 3 * i) % 49 + 1 for i in range(40)]


@functools.cache
def network():
    """A random Llama with longrope."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    return LlamaForCausalLM(LlamaConfig(**SIZES, rope_parameters=LONGROPE, initializer_range=0.4)).eval()


def switching() -> SwitchingModel:
    return SwitchingModel(TransformersModel(network()), SWITCH)


def row(text: list[int]) -> torch.Tensor:
    """The library's last row of a text."""
    with torch.no_grad():
        return network()(torch.tensor([text]), use_cache=False).logits[0, -1]


def close(found: torch.Tensor, text: list[int]) -> bool:
    return bool(torch.allclose(found, row(text), atol=1e-4))


@pytest.mark.parametrize("pieces", [[40], [5, 35], [11, 1, 1, 27], [12, 28], [13, 27], [1] * 40])
def test_rows_do_not_depend_on_how_a_text_is_fed(pieces):
    model = switching()
    cache, rows, start = model.new_cache(), [], 0
    for num in pieces:
        rows += model.forward([Feed(cache, TEXT[start : start + num])])[0].logits
        cache.keep(range(num))
        start += num
    assert all(close(found, TEXT[: i + 1]) for i, found in enumerate(rows))


def test_a_tree_across_the_switch():
    model = switching()
    cache = model.new_cache()
    model.forward([Feed(cache, TEXT[:10], num_logits=0)])
    cache.keep(range(10))
    rows = list(model.forward([Feed(cache, [1, 2, 3, 4, 5, 6], [-1, 0, 1, 2, 0, 4])])[0].logits)
    rows += model.forward([Feed(cache, [7, 8], [5, 3])])[0].logits  # one more level, below both
    paths = [[1], [1, 2], [1, 2, 3], [1, 2, 3, 4], [1, 5], [1, 5, 6], [1, 5, 6, 7], [1, 2, 3, 4, 8]]
    assert all(close(found, TEXT[:10] + path) for found, path in zip(rows, paths, strict=True))
    cache.keep([0, 4, 5, 6])
    text = [*TEXT[:10], 1, 5, 6, 7]
    twin = cache.fork()
    assert close(model.forward([Feed(cache, [9])])[0].logits[0], [*text, 9])
    assert close(model.forward([Feed(twin, [3])])[0].logits[0], [*text, 3])
    cache.truncate(8)
    assert close(model.forward([Feed(cache, [9, 9])])[0].logits[1], [*text[:8], 9, 9])
    cache.keep([0, 1])
    assert close(model.forward([Feed(cache, [4] * 9)])[0].logits[-1], [*text[:8], 9, 9, *[4] * 9])


def test_hidden_states_are_those_of_the_text():
    model = switching()
    states = model.forward([Feed(None, TEXT[:20])], hidden=("post_norm",))[0].hidden["post_norm"]
    assert torch.allclose(model.head(states)[-1], row(TEXT[:20]), atol=1e-4)


def test_drafted_text_is_plain_text_and_the_librarys():
    text = TEXT[:9]
    for _ in range(20):
        text = [*text, int(row(text).argmax())]
    for recipe in ("plain", "prompt-lookup | token-recycling, pace=6"):
        request = Request(TEXT[:9], 20, Sampler(greedy=True), SampledDraws(0))
        for _ in Session(switching(), Recipe.parse(recipe)).run([request]):
            pass
        assert request.tokens == text


def test_what_needs_single_layers_is_refused():
    model = switching()
    with pytest.raises(UserError, match="frequencies of this model change at 12 tokens"):
        model.forward([Feed(None, [1, 2])], stop=1)
    with pytest.raises(UserError, match="takes no `positions`"):
        model.forward([Feed(None, [1, 2], positions=[3, 4])])


def test_a_folder_with_longrope_goes_to_the_backend_that_computes_it(tmp_path):
    network().save_pretrained(tmp_path)
    with pytest.warns(UserWarning, match="rope_type='longrope' changes with the length"):
        model = load(tmp_path, dtype="fp32", device="cpu", progress=False)
    assert isinstance(model, SwitchingModel)
    assert close(model.forward([Feed(None, TEXT)])[0].logits[-1], TEXT)


@pytest.mark.parametrize(
    ("rope", "length"),
    [
        (LONGROPE, SWITCH),
        ({**LONGROPE, "long_factor": LONGROPE["short_factor"]}, None),
        ({**LONGROPE, "original_max_position_embeddings": 256}, None),
        ({"rope_type": "dynamic", "rope_theta": 1e4, "factor": 2.0}, None),
        ({"full_attention": LONGROPE, "sliding_attention": {"rope_type": "default", "rope_theta": 1e4}}, SWITCH),
    ],
)
def test_which_frequencies_change_within_the_context(rope, length):
    from types import SimpleNamespace

    assert switch_length(SimpleNamespace(rope_parameters=rope, max_position_embeddings=256)) == length


@pytest.mark.parametrize("rope", [LONGROPE, {"rope_type": "dynamic", "rope_theta": 1e4, "factor": 2.0}])
def test_the_native_engine_takes_what_never_changes(rope):
    from transformers import LlamaConfig

    with pytest.raises(NotNativeError, match="changes with the length"):
        Architecture.from_config(LlamaConfig(**SIZES, rope_parameters=rope))
    still = {**LONGROPE, "long_factor": LONGROPE["short_factor"]}
    assert Architecture.from_config(LlamaConfig(**SIZES, rope_parameters=still)).rope_scale > 1
