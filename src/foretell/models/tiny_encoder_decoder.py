"""`TinyEncoderDecoder`: a `TinyModel` whose rows also read a memory, for tests of encoder-decoder models and of pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from foretell.models.base import POST_NORM, Attention, Cache, Context, Feed, Model, Rows
from foretell.models.tiny import TinyModel


class TinyEncoderDecoder(Model):
    """A random model over `vocab_size` tokens whose every row attends to the memory of its cache's `Context`.

    vocab_size, order, seed, sharpness, num_layers, max_length: as in `TinyModel`, of the decoder. A state after a layer is the
    decoder's plus the mean of the memory's rows, weighted by softmax(memory row . state / sqrt(width)): one cross-attention
    without weights. Without a memory it is the decoder alone. `encode` makes a memory of a text; any (rows, width) floats are one.

    >>> model = TinyEncoderDecoder(vocab_size=3)
    >>> cache = model.new_cache(Context(memory=model.encode([2, 0, 1])))
    >>> model.forward([Feed(cache, [0, 2])])[0].logits.shape
    torch.Size([2, 3])
    """

    tolerance = 0.0
    attentions = frozenset(Attention)
    has_positions = True

    def __init__(
        self, vocab_size: int = 4, order: int = 2, seed: int = 0, sharpness: float = 1.5, num_layers: int = 2, max_length: int = 4096
    ) -> None:
        self.decoder = TinyModel(vocab_size, order, seed, sharpness, num_layers, max_length)
        self.encoder = TinyModel(vocab_size, order, seed + 1, num_layers=1, max_length=max_length)
        self.vocab_size, self.num_layers, self.max_length = vocab_size, num_layers, max_length
        self.width = self.memory_width = self.decoder.width
        self.fingerprint = f"tiny-encoder-decoder-{self.decoder.fingerprint}"

    def encode(self, tokens: Sequence[int]) -> Tensor:
        """A memory (n, width) of a text of n tokens, whose rows see each other."""
        [rows] = self.encoder.forward([Feed(None, tokens, attention=Attention.FULL, num_logits=0)], hidden=[POST_NORM])
        return rows.hidden[POST_NORM]

    def _new_cache(self, context: Context) -> Cache:
        return self.decoder.new_cache()

    def _embed(self, tokens: Sequence[int], position: int) -> Tensor:
        return self.decoder.embed(tokens, position)

    def _norm(self, states: Tensor) -> Tensor:
        return self.decoder.norm(states)

    def _head(self, states: Tensor, tokens: np.ndarray | None) -> Tensor:
        return self.decoder.head(states, None if tokens is None else tokens.tolist())

    def _forward(self, feeds: Sequence[Feed], hidden: tuple[int | str, ...], start: int, stop: int) -> list[Rows]:
        asked = tuple({stop, *hidden} - {POST_NORM})
        return [
            self._attend(feed, rows, hidden, start, stop)
            for feed, rows in zip(feeds, self.decoder._forward(feeds, asked, start, stop), strict=True)
        ]

    def _attend(self, feed: Feed, rows: Rows, hidden: tuple[int | str, ...], start: int, stop: int) -> Rows:
        assert feed.cache is not None
        memory = feed.cache.context.memory
        states = dict(rows.hidden)
        if memory is not None and len(memory):
            for layer, given in rows.hidden.items():
                # the embedding, and states that were fed and pass no layer, are what they are
                if layer != 0 and not (layer == start == stop and feed.rows is not None):
                    states[layer] = given + _read_memory(memory, given)
        last = self.norm(states[stop])
        logits = self.head(last[len(last) - feed.num_wanted :])
        return Rows(logits, {key: last if key == POST_NORM else states[key] for key in hidden})


def _read_memory(memory: Tensor, states: Tensor) -> Tensor:
    """What each of `states` (n, width) reads of `memory` (rows, width): row by row, so that no sum depends on their number."""
    values = memory.detach().double().cpu().numpy()
    found = np.zeros((len(states), values.shape[1]))
    for i, state in enumerate(states.double().numpy()):
        scores = values @ state / np.sqrt(len(state))
        weights = np.exp(scores - scores.max())
        found[i] = weights / weights.sum() @ values
    return torch.from_numpy(found.astype(np.float32))
