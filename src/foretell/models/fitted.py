"""`FittedModel`: a model with logits of another width, for work beside a model whose vocabulary is padded differently."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from foretell.errors import UserError
from foretell.locks import ForkSafeLock
from foretell.models.base import NO_CONTEXT, Cache, Context, Feed, Model, Rows
from foretell.pool import Pool


class FittedModel(Model):
    """`model` with logits of `vocab_size` columns. Models of one tokenizer may pad their vocabularies to different widths, as those of
    Qwen2.5 do.

    Columns that `model` has not are minus infinity, columns beyond are cut off: both stand for no text. A token that `model` does not know
    is fed as its last one. Everything else is the wrapped model's, its caches and its lock too.

    >>> from foretell.models.tiny import TinyModel
    >>> FittedModel(TinyModel(vocab_size=3), 4).forward([Feed(None, [0, 3])])[0].logits[0, 3]
    tensor(-inf)
    """

    def __init__(self, model: Model, vocab_size: int) -> None:
        self.model, self.vocab_size = model, vocab_size
        self.num_layers, self.width, self.max_length = model.num_layers, model.width, model.max_length
        self.tolerance, self.fingerprint, self.tokenizer = model.tolerance, model.fingerprint, model.tokenizer
        self.device, self.guarantee, self.num_parameters = model.device, model.guarantee, model.num_parameters
        self.suppressed = tuple(token for token in model.suppressed if token < vocab_size)
        self.source, self.spelling = model.source, model.spelling
        self.attentions, self.has_positions, self.memory_width = model.attentions, model.has_positions, model.memory_width

    def __reduce__(self) -> Any:
        return FittedModel, (self.model, self.vocab_size)

    @property
    def lock(self) -> ForkSafeLock:
        return self.model.lock

    @property
    def pool(self) -> Pool:
        return self.model.pool

    def new_cache(self, context: Context = NO_CONTEXT) -> Cache:
        return self.model.new_cache(context)

    def forward(self, feeds: Sequence[Feed], *, hidden: Sequence[int | str] = (), start: int = 0, stop: int | None = None) -> list[Rows]:
        known = [replace(feed, tokens=self._known(feed.tokens, feed.places or ())) for feed in feeds]
        return [replace(rows, logits=self._fit(rows.logits)) for rows in self.model.forward(known, hidden=hidden, start=start, stop=stop)]

    def embed(self, tokens: Sequence[int], position: int = 0) -> Tensor:
        return self.model.embed(self._known(tokens), position)

    def norm(self, states: Tensor) -> Tensor:
        return self.model.norm(states)

    def head(self, states: Tensor, tokens: Sequence[int] | None = None) -> Tensor:
        whole = self._fit(self.model.head(states))
        if tokens is None:
            return whole
        self._check_tokens("head", tokens)
        return whole[:, list(tokens)]

    def _known(self, tokens: Sequence[int], places: Sequence[int] = ()) -> list[int]:
        """Tokens that the wrapped model knows; those at `places` are not looked at."""
        given = set(places)
        self._check_tokens("forward", [token for i, token in enumerate(tokens) if i not in given])
        last = self.model.vocab_size - 1
        return [min(token, last) for token in tokens]

    def _fit(self, logits: Tensor) -> Tensor:
        return F.pad(logits, (0, self.vocab_size - logits.shape[-1]), value=float("-inf"))  # a negative width cuts

    def _new_cache(self, context: Context) -> Cache:
        return self.model._new_cache(context)

    def _forward(self, feeds: Sequence[Feed], hidden: tuple[int | str, ...], start: int, stop: int) -> list[Rows]:
        raise UserError("FittedModel: call forward")


__all__ = ["FittedModel"]
