"""The cache of a nested model whose last rows have passed only some of its exits."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from foretell.models import reading
from foretell.models.base import Feed, Model


class LaggingCache:
    """Rows of one text. passed[i]: number of exits that pending row i has passed. states[i]: its residual stream (width,) after the last of
    them, before the final norm, or None once it has passed all.

    Committed rows are complete. A row is completed together with all incomplete rows before it, each at its own position. So `passed` never
    increases along the text, and a call computes the same values as a full pass.
    """

    def __init__(self, model: Model, exits: Sequence[int]) -> None:
        self.model, self.exits = model, tuple(exits)
        self.cache = model.new_cache()
        self.passed: list[int] = []
        self.states: list[Tensor | None] = []

    @property
    def length(self) -> int:
        """Number of positions fed, complete or not."""
        return self.cache.length + len(self.passed)

    @property
    def num_waiting(self) -> int:
        """Number of rows that have not passed all exits."""
        return sum(passed < len(self.exits) for passed in self.passed)

    def truncate(self, length: int) -> None:
        """Remove positions from `length` on; ValueError for a length beyond the rows."""
        if not 0 <= length <= self.length:
            raise ValueError(f"truncate: length={length!r} must lie between 0 and the {self.length} rows")
        kept = max(length - self.cache.length, 0)
        self.cache.keep(range(kept))
        self.cache.truncate(length)
        del self.passed[kept:], self.states[kept:]
        num_complete = kept - self.num_waiting
        del self.passed[:num_complete], self.states[:num_complete]
        self.cache.reopen(len(self.passed))


def feed(caches: Sequence[LaggingCache], tokens: Sequence[Sequence[int]]) -> list[Tensor]:
    """Feed new tokens through the layers before the first exit. Returns the last token's logits there, (vocab_size,) for each text."""
    first = caches[0].exits[0]
    feeds = [Feed(lagging.cache, new, num_logits=1) for lagging, new in zip(caches, tokens, strict=True)]
    logits = []
    for lagging, rows in zip(caches, caches[0].model.forward(feeds, hidden=(first,), stop=first), strict=True):
        states = rows.hidden[first]
        lagging.passed += [1] * len(states)
        lagging.states += list(states)
        logits.append(rows.logits[-1])
    return logits


def deepen(caches: Sequence[LaggingCache], passed: int) -> list[Tensor]:
    """Run each text's last row, and all rows that are at the same exit, from exit number `passed` (from 1) to the next exit.

    Returns the last row's logits there, (vocab_size,) for each text.
    """
    start, stop = caches[0].exits[passed - 1], caches[0].exits[passed]
    waiting = [[row for row, num_passed in enumerate(lagging.passed) if num_passed == passed] for lagging in caches]
    feeds = []
    for lagging, rows in zip(caches, waiting, strict=True):
        states = [state for row in rows if (state := lagging.states[row]) is not None]
        feeds.append(Feed(lagging.cache, embeddings=torch.stack(states), rows=rows, num_logits=1))
    outputs = caches[0].model.forward(feeds, hidden=(stop,), start=start, stop=stop)
    last = passed + 1 == len(caches[0].exits)
    for lagging, rows, output in zip(caches, waiting, outputs, strict=True):
        for row, state in zip(rows, output.hidden[stop], strict=True):
            lagging.passed[row], lagging.states[row] = passed + 1, None if last else state
    return [output.logits[-1] for output in outputs]


def read(lagging: LaggingCache, tokens: Sequence[int]) -> None:
    """Complete all rows, then feed a long piece of text through all layers at once."""
    for passed in range(1, len(lagging.exits)):
        if passed in lagging.passed:
            deepen([lagging], passed)
    lagging.truncate(lagging.length)  # all rows are complete now
    reading.read(lagging.model, [(lagging.cache, tokens)], num_logits=0)
