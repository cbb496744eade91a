"""`TinyModel`: a random language model small enough to enumerate all its texts, for proofs that a method is exact.

Nothing is learned and nothing is approximate: the state of a row is a pseudo-random function of the seed and of the tokens it may
see, worked out once for each. So rows are bit-identical whatever the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from foretell.errors import UserError
from foretell.models.base import Attention, Cache, Context, Feed, Model, Rows

#: What a row depends on: its layer, and the tokens around it.
_Key = tuple[int, tuple[int, ...]]
_EMBEDDING, _HEAD, _FINAL, _DETOUR, _SCALE = range(5)  # streams of random numbers


class TinyCache(Cache):
    """The tokens themselves: `tokens` of the committed rows, `pending_tokens` of the tree."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens: list[int] = []
        self.pending_tokens: list[int] = []

    def text(self, row: int) -> list[int]:
        """All tokens of the path that ends with the pending row `row`."""
        return self.tokens + [self.pending_tokens[i] for i in self.ancestors(row)]

    def _keep(self, path: list[int]) -> None:
        self.tokens += [self.pending_tokens[row] for row in path]
        self.pending_tokens.clear()

    def _truncate(self, length: int) -> None:
        del self.tokens[length:]

    def _reopen(self, num: int) -> None:
        first = len(self.tokens) - num
        self.pending_tokens += self.tokens[first:]
        del self.tokens[first:]

    def _fork(self) -> TinyCache:
        twin = TinyCache()
        twin.tokens += self.tokens
        return twin


class TinyModel(Model):
    """A random model over `vocab_size` tokens.

    order: how many last tokens a row depends on, its own included; a row that sees later rows of its feed depends on as many of
    those too. sharpness: standard deviation of the logits; 0 is uniform, 5 is peaked. spelling: what each token writes, for
    methods that reason about text.
    The layers are a pretence that early exits can be tested on: their states approach the final one, so that their logits
    resemble the final ones more and more. The final norm doubles or halves each column. Embeddings that are fed stand for the token
    whose embedding is nearest; positions that are fed change nothing, since no row depends on where it stands.

    >>> model = TinyModel(vocab_size=3, seed=1)
    >>> model.forward([Feed(model.new_cache(), tokens=[0, 2])])[0].logits.shape
    torch.Size([2, 3])
    """

    tolerance = 0.0
    attentions = frozenset(Attention)
    has_positions = True

    def __init__(
        self,
        vocab_size: int = 4,
        order: int = 2,
        seed: int = 0,
        sharpness: float = 1.5,
        num_layers: int = 2,
        max_length: int = 4096,
        spelling: Sequence[bytes | None] | None = None,
    ) -> None:
        for name, value, least in (("vocab_size", vocab_size, 1), ("order", order, 0), ("num_layers", num_layers, 1)):
            if value < least:
                raise UserError(f"TinyModel: {name}={value!r} must be at least {least}")
        self.vocab_size, self.order, self.seed, self.sharpness = vocab_size, order, seed, sharpness
        self.num_layers, self.width, self.max_length = num_layers, max(4, vocab_size), max_length
        self.spelling = None if spelling is None else tuple(spelling)
        self.fingerprint = f"tiny-{vocab_size}-{order}-{seed}-{sharpness}-{num_layers}"
        self._embedding = self._random(_EMBEDDING, rows=vocab_size)
        # Orthogonal rows make the logits of a random state independent of each other.
        self._head_weight = np.linalg.qr(self._random(_HEAD, rows=self.width))[0][:vocab_size]
        # Powers of two, so that the head takes them out again without rounding.
        self._scale = np.exp2(np.sign(self._random(_SCALE)[0]))
        self._known: dict[_Key, tuple[Tensor, Tensor, Tensor]] = {}

    @classmethod
    def examples(cls) -> list[TinyModel]:
        """Some of different size, memory and sharpness."""
        return [cls(), cls(vocab_size=3, order=1, seed=1, sharpness=4.0), cls(vocab_size=5, order=3, seed=2, sharpness=0.5)]

    def __repr__(self) -> str:
        names = ("vocab_size", "order", "seed", "sharpness", "num_layers", "max_length", *(["spelling"] if self.spelling else []))
        return f"TinyModel({', '.join(f'{name}={getattr(self, name)!r}' for name in names)})"

    def __reduce__(self) -> Any:
        return object.__new__, (type(self),), self.__dict__  # small enough to go along whole

    def _new_cache(self, context: Context) -> TinyCache:
        return TinyCache()

    def _embed(self, tokens: Sequence[int], position: int) -> Tensor:
        return _float32(self._embedding[list(tokens)])

    def _forward(self, feeds: Sequence[Feed], hidden: tuple[int | str, ...], start: int, stop: int) -> list[Rows]:
        return [self._rows(feed, hidden, start, stop) for feed in feeds]

    def _rows(self, feed: Feed, hidden: tuple[int | str, ...], start: int, stop: int) -> Rows:
        cache = feed.cache
        if not isinstance(cache, TinyCache):
            raise ValueError(f"forward: cache={cache!r} was not made by this model's new_cache()")
        if feed.rows is None:
            del cache.pending_tokens[len(cache.pending) - len(feed) :]  # left there by a batch that failed
            tokens = feed.ids
            if feed.embeddings is not None:
                for place, token in zip(feed.places_fed, self._nearest(feed.embeddings), strict=True):
                    tokens[place] = token
            cache.pending_tokens += tokens
        fed = range(len(cache.pending) - len(feed), len(cache.pending)) if feed.rows is None else feed.rows
        texts = [cache.text(row) for row in fed]
        later = [cache.pending_tokens[fed[i + 1] : fed[0] + feed.num_block] if i + 1 < feed.num_block else [] for i in range(len(fed))]
        layers = {stop, *(key for key in hidden if isinstance(key, int))}
        read = [{layer: self._layer(text, layer, after) for layer in layers} for text, after in zip(texts, later)]
        if start == stop and feed.rows is not None and feed.embeddings is not None:  # no layer runs: the head reads what was fed
            for row, state in zip(read, feed.embeddings.detach().float().cpu(), strict=True):
                row[stop] = self._read_out(state)
        states = {key: _stack([row[key][0] if isinstance(key, int) else row[stop][1] for row in read], self.width) for key in hidden}
        return Rows(_stack([row[stop][2] for row in read[len(read) - feed.num_wanted :]], self.vocab_size), states)

    def _layer(self, text: list[int], layer: int, later: Sequence[int] = ()) -> tuple[Tensor, Tensor, Tensor]:
        """State after `layer`, the same normalised, and logits, of the row that ends `text` and sees `later` tokens too."""
        around = tuple(text[-self.order :]) if self.order else ()
        if self.order and later:
            around += (self.vocab_size, *later[: self.order])
        key = (layer, (*around, text[-1]) if layer == 0 else around)
        if key not in self._known:
            if layer == 0:
                state = self._embedding[text[-1]]
            else:
                detour = 1 - layer / self.num_layers
                state = self._random(_FINAL, *around)[0] + detour * self._random(_DETOUR, layer, *around)[0]
            self._known[key] = self._read_out(_float32(state))
        return self._known[key]

    def _read_out(self, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """A state (width,), the same normalised, and its logits."""
        normed = self._norm(state[None])
        return state, normed[0], self._head(normed, None)[0]

    def _norm(self, states: Tensor) -> Tensor:
        return _float32(states.detach().double().cpu().numpy() * self._scale)

    def _head(self, states: Tensor, tokens: np.ndarray | None) -> Tensor:
        """Row by row, so that no sum depends on the number of rows."""
        unscaled = states.detach().double().cpu().numpy() / self._scale
        logits = _stack([_float32(self.sharpness * (self._head_weight @ state)) for state in unscaled], self.vocab_size)
        return logits if tokens is None else logits[:, torch.from_numpy(tokens)]

    def _nearest(self, embeddings: Tensor) -> list[int]:
        gaps = embeddings.detach().double().numpy()[:, None, :] - self._embedding[None]
        return [int(i) for i in np.square(gaps).sum(-1).argmin(-1)]

    def _random(self, stream: int, *context: int, rows: int = 1) -> np.ndarray:
        # The length of the context is part of the seed: a short context is not a longer one that starts with token 0.
        source = np.random.default_rng([self.seed, stream, len(context), *context])
        return source.standard_normal((rows, self.width))


def _float32(values: np.ndarray) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))


def _stack(rows: list[Tensor], width: int) -> Tensor:
    return torch.stack(rows) if rows else torch.empty(0, width)
