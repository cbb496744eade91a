"""The cache of a nested model whose last rows have passed only some of its exits: what waits, and how it is completed."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from foretell.models import reading
from foretell.models.base import Feed, Model


class LaggingCache:
    """Rows of one text. `passed[i]` says how many exits pending row i has passed, `states[i]` holds its residual stream after the
    last of them (before the final norm), until it has passed all.

    The first rows are committed: they are complete. A row is completed together with all waiting rows before it, each at its
    own position, so `passed` never rises along the text and what one call computes is what a full pass computes.
    """

    def __init__(self, model: Model, exits: Sequence[int]) -> None:
        self.model, self.exits = model, tuple(exits)
        self.cache = model.new_cache()
        self.passed: list[int] = []
        self.states: list[Tensor | None] = []

    @property
    def length(self) -> int:
        """Positions fed, waiting or not."""
        return self.cache.length + len(self.passed)

    @property
    def num_waiting(self) -> int:
        """Rows that have not passed all exits."""
        return sum(passed < len(self.exits) for passed in self.passed)

    def truncate(self, length: int) -> None:
        """Forget positions from `length` on: cut by position, whatever waits where."""
        if not 0 <= length <= self.length:
            raise ValueError(f"truncate: length={length!r} must lie between 0 and the {self.length} rows")
        kept = max(length - self.cache.length, 0)
        self.cache.keep(range(kept))
        self.cache.truncate(length)
        del self.passed[kept:], self.states[kept:]
        done = kept - self.num_waiting
        del self.passed[:done], self.states[:done]
        self.cache.reopen(len(self.passed))


def feed(caches: Sequence[LaggingCache], tokens: Sequence[Sequence[int]]) -> list[Tensor]:
    """Feed new tokens through the layers before the first exit; the last token's logits there, (vocab_size,) for each text."""
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
    """Take each text's last row from exit number `passed` (1 is the first) to the next, and all that wait there with it."""
    start, stop = caches[0].exits[passed - 1], caches[0].exits[passed]
    waiting = [[row for row, done in enumerate(lagging.passed) if done == passed] for lagging in caches]
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
    """Feed a long piece of text through all layers at once, after what waits."""
    for passed in range(1, len(lagging.exits)):
        if passed in lagging.passed:
            deepen([lagging], passed)
    lagging.truncate(lagging.length)  # all rows are complete now
    reading.read(lagging.model, [(lagging.cache, tokens)], num_logits=0)
