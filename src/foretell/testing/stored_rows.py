"""A model whose rows are computed once per context: makes tens of thousands of draws from a real model cheap."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from foretell.errors import UserError
from foretell.models.base import Cache, Context, Feed, Model, Rows


class _Tokens(Cache):
    """Remembers tokens only; the rows come from the store."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens: list[int] = []
        self.drafted: list[int] = []

    def _keep(self, path: list[int]) -> None:
        self.tokens += [self.drafted[row] for row in path]
        self.drafted = []

    def _truncate(self, length: int) -> None:
        del self.tokens[length:]

    def _fork(self) -> _Tokens:
        twin = _Tokens()
        twin.tokens = list(self.tokens)
        return twin


class StoredRows(Model):
    """Wraps `model`: the row after a text is asked of it once and then remembered.

    Guarantee: that of the wrapped model. `warp(row)` may change rows as they are stored, to make a draft that resembles its target.
    """

    def __init__(self, model: Model, warp=None) -> None:
        self.model, self.warp = model, warp
        self.vocab_size, self.num_layers, self.width = model.vocab_size, model.num_layers, model.width
        self.max_length, self.tolerance, self.tokenizer = model.max_length, model.tolerance, model.tokenizer
        self.fingerprint = f"stored-{model.fingerprint}"
        self.rows: dict[tuple[int, ...], Tensor] = {}

    def _new_cache(self, context: Context) -> _Tokens:
        return _Tokens()

    def row(self, text: Sequence[int]) -> Tensor:
        """Logits (vocab_size,) after `text`."""
        key = tuple(text)
        if key not in self.rows:
            row = self.model.forward([Feed(None, list(text), num_logits=1)])[0].logits[0].clone()
            self.rows[key] = self.warp(row) if self.warp else row
        return self.rows[key]

    def _forward(self, feeds: Sequence[Feed], hidden: tuple[int | str, ...], start: int, stop: int) -> list[Rows]:
        if start or stop < self.num_layers or hidden or any(feed.embeddings is not None for feed in feeds):
            raise UserError("StoredRows: only whole rows of tokens are stored; early exits, states and embeddings need the model itself")
        results = []
        for feed in feeds:
            cache = feed.cache
            assert isinstance(cache, _Tokens)
            first = len(cache.drafted)
            cache.drafted += feed.tokens
            rows = range(first + len(feed) - feed.num_wanted, first + len(feed))
            found = [self.row(cache.tokens + [cache.drafted[up] for up in cache.ancestors(row)]) for row in rows]
            logits = found[0][None] if len(found) == 1 else torch.stack(found) if found else torch.zeros(0, self.vocab_size)
            results.append(Rows(logits))
        return results
