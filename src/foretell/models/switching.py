"""Models whose rotary frequencies change, for all rows of a text, once the text is longer than some length (longrope).

A row is what the model computes for the text that ends with it. So rows up to that length come from keys with the first frequencies, rows
beyond from keys with the second ones, of all rows before. `SwitchingModel` keeps both: a short cache and a long one, which reads the text
anew when the first row beyond the length is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from foretell.errors import UserError
from foretell.models.base import Attention, Cache, Context, Feed, Model, Rows

#: Rows that the long cache reads at a time when it catches up.
_PIECE = 256


class SwitchingCache(Cache):
    """The cache of a `SwitchingModel`. tokens: of the committed rows; drafted: of the pending ones. short, long: caches of the wrapped
    model; the long one may lag behind. in_short, in_long: by pending row, the pending row there."""

    def __init__(self, short: Cache, long: Cache) -> None:
        super().__init__()
        self.short, self.long = short, long
        self.tokens: list[int] = []
        self.drafted: list[int] = []
        self.in_short: dict[int, int] = {}
        self.in_long: dict[int, int] = {}

    def _keep(self, path: list[int]) -> None:
        self.short.keep(_led(path, self.in_short))
        # A path whose beginning the long cache has not read is read again when it catches up.
        self.long.keep(_led(path, self.in_long) if self.long.length == self.length else [])
        self.tokens += [self.drafted[row] for row in path]
        self.drafted, self.in_short, self.in_long = [], {}, {}

    def _truncate(self, length: int) -> None:
        self.short.truncate(min(length, self.short.length))
        self.long.truncate(min(length, self.long.length))
        del self.tokens[length:]

    def _fork(self) -> SwitchingCache:
        twin = SwitchingCache(self.short.fork(), self.long.fork())
        twin.tokens = list(self.tokens)
        return twin


class SwitchingModel(Model):
    """`model`, whose frequencies change for texts longer than `switch` tokens, behind the contract: rows do not depend on how a text was
    fed.

    Takes causal feeds of tokens that run all layers. Reading the text anew takes one pass, once for a text. Raises UserError for
    embeddings, positions and single layers.
    """

    attentions = frozenset({Attention.CAUSAL})
    has_positions = False

    def __init__(self, model: Model, switch: int) -> None:
        self.model, self.switch = model, switch
        self.vocab_size, self.num_layers, self.width = model.vocab_size, model.num_layers, model.width
        self.max_length, self.tolerance, self.device = model.max_length, model.tolerance, model.device
        self.fingerprint, self.tokenizer = model.fingerprint, model.tokenizer
        self.num_parameters = model.num_parameters

    def _new_cache(self, context: Context) -> SwitchingCache:
        return SwitchingCache(self.model.new_cache(context), self.model.new_cache(context))

    def _embed(self, tokens: Sequence[int], position: int) -> Tensor:
        return self.model.embed(tokens, position)

    def _norm(self, states: Tensor) -> Tensor:
        return self.model.norm(states)

    def _head(self, states: Tensor, tokens) -> Tensor:
        return self.model.head(states, None if tokens is None else tokens.tolist())

    def _forward(self, feeds: Sequence[Feed], hidden: tuple[int | str, ...], start: int, stop: int) -> list[Rows]:
        if start or stop < self.num_layers or any(feed.embeddings is not None for feed in feeds):
            raise UserError(
                f"forward: the rotary frequencies of this model change at {self.switch} tokens, so it takes tokens through all layers "
                "only; use a drafter that needs neither embeddings nor early exits"
            )
        return [self._rows(feed, hidden) for feed in feeds]

    def _rows(self, feed: Feed, hidden: tuple[int | str, ...]) -> Rows:
        cache = feed.cache
        if not isinstance(cache, SwitchingCache):
            raise UserError(f"forward: cache={cache!r} was not made by this model's new_cache()")
        first = len(cache.pending) - len(feed)
        del cache.drafted[first:]  # rows of a batch that failed
        cache.drafted += feed.ids
        rows = range(first, len(cache.pending))
        beyond = [row for row in rows if cache.length + cache.depths[row] >= self.switch]
        within = [row for row in rows if cache.length + cache.depths[row] < self.switch]
        found = self._feed(cache, cache.short, cache.in_short, within, hidden)
        if beyond:
            self._catch_up(cache)
            above = {up for row in beyond for up in cache.ancestors(row)}
            found |= self._feed(cache, cache.long, cache.in_long, sorted(above - cache.in_long.keys()), hidden, set(beyond))
        wanted = [found[row][0] for row in rows[len(feed) - feed.num_wanted :]]
        logits = torch.stack(wanted) if wanted else torch.empty(0, self.vocab_size, device=self.device)
        states = {key: torch.stack([found[row][1][key] for row in rows]) if len(rows) else torch.empty(0, self.width) for key in hidden}
        return Rows(logits, states)

    def _feed(
        self,
        cache: SwitchingCache,
        inner: Cache,
        places: dict[int, int],
        rows: Sequence[int],
        hidden: tuple[int | str, ...],
        asked: set[int] | None = None,
    ) -> dict[int, tuple[Tensor, dict[int | str, Tensor]]]:
        """Feed pending rows of `cache` to `inner`; logits and hidden states by row, of the rows `asked` (None: all)."""
        if not rows:
            return {}
        for row, place in list(places.items()):  # rows of a batch that failed
            if place >= len(inner.pending):
                del places[row]
        base = len(inner.pending)
        places.update({row: base + i for i, row in enumerate(rows)})
        parents = [places[cache.pending[row]] if cache.pending[row] >= 0 else -1 for row in rows]
        result = self.model.forward([Feed(inner, [cache.drafted[row] for row in rows], parents)], hidden=hidden)[0]
        return {
            row: (result.logits[i], {key: result.hidden[key][i] for key in hidden})
            for i, row in enumerate(rows)
            if asked is None or row in asked
        }

    def _catch_up(self, cache: SwitchingCache) -> None:
        """Let the long cache read the committed text. Each piece ends with a row beyond the switch, which is dropped: the wrapped model
        looks at the furthest position of a forward to choose the frequencies."""
        long = cache.long
        while long.length < cache.length:
            if long.pending:
                raise ValueError("rows hang on a text that was not read; keep or drop them first")
            piece = cache.tokens[long.length : long.length + _PIECE]
            positions = [*range(long.length, long.length + len(piece)), max(self.switch, long.length + len(piece))]
            self.model.forward([Feed(long, [*piece, piece[-1]], num_logits=0, positions=positions)])
            long.keep(range(len(piece)))
            long.placed = False  # the kept rows are where they belong


def _led(path: Sequence[int], places: dict[int, int]) -> list[int]:
    """The rows of the beginning of `path` that `places` knows."""
    led = []
    for row in path:
        if row not in places:
            break
        led.append(places[row])
    return led
