"""A model whose rows read a memory decodes through the ordinary loop, each request with its own."""

from __future__ import annotations

import torch

from foretell.decoding.draws import SampledDraws
from foretell.decoding.recipe import Recipe
from foretell.decoding.request import Request
from foretell.decoding.sampler import Sampler
from foretell.decoding.session import Session
from foretell.models.base import POST_NORM, Context, Feed
from foretell.models.tiny import TinyModel
from foretell.models.tiny_encoder_decoder import TinyEncoderDecoder

MODEL = TinyEncoderDecoder(vocab_size=8, sharpness=3.0, seed=4)


def reference(memory: torch.Tensor | None, text: list[int]) -> torch.Tensor:
    """The last row of `text`, worked out from the decoder's states."""
    decoder = MODEL.decoder
    state = decoder.forward([Feed(None, text)], hidden=[2])[0].hidden[2][-1].double()
    if memory is not None:
        weights = (memory.double() @ state / MODEL.width**0.5).softmax(0)
        state = state + weights @ memory.double()
    return decoder.head(decoder.norm(state[None].float()))[0]


def greedy(memory: torch.Tensor | None, prompt: list[int], num: int) -> list[int]:
    text = list(prompt)
    for _ in range(num):
        text.append(int(reference(memory, text).argmax()))
    return text[len(prompt) :]


def test_rows_are_the_decoders_plus_what_is_read():
    memory = MODEL.encode([1, 5, 2])
    [rows] = MODEL.forward([Feed(MODEL.new_cache(Context(memory=memory)), [3, 1, 4])], hidden=[2, POST_NORM])
    torch.testing.assert_close(rows.logits[-1], reference(memory, [3, 1, 4]))
    assert torch.equal(MODEL.head(MODEL.norm(rows.hidden[2])), rows.logits)
    [plain] = MODEL.forward([Feed(None, [3, 1, 4])])
    [own] = TinyModel(vocab_size=8, sharpness=3.0, seed=4).forward([Feed(None, [3, 1, 4])])
    assert torch.equal(plain.logits, own.logits)


def test_an_encoders_rows_see_the_whole_text():
    assert MODEL.encode([1, 5, 2]).shape == (3, MODEL.memory_width)
    assert not torch.equal(MODEL.encode([1, 5, 2])[0], MODEL.encode([1, 5, 3])[0])


def test_requests_with_memories_decode_side_by_side():
    memories = [MODEL.encode([1, 5, 2]), MODEL.encode([7, 7]), None]
    for recipe in ("plain", "prompt-lookup"):
        requests = [Request([3, 1], 12, Sampler(greedy=True), SampledDraws(i), memory=memory) for i, memory in enumerate(memories)]
        for _ in Session(MODEL, Recipe.parse(recipe)).run(requests):
            pass
        texts = [request.generated for request in requests]
        assert texts == [greedy(memory, [3, 1], 12) for memory in memories]
        assert len(set(map(tuple, texts))) == 3
