"""Reading texts: fed in pieces, so that no pass grows with the text, and committed."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from foretell.errors import UserError
from foretell.models.base import Cache, Feed, Model, Rows

#: Longest piece of a text that one pass reads.
CHUNK = 256


def read(
    model: Model,
    texts: Sequence[tuple[Cache, Sequence[int]]],
    chunk: int = CHUNK,
    hidden: Sequence[int | str] = (),
    num_logits: int | None = 1,
) -> list[Rows]:
    """Feed each text's tokens to its cache, which commits them, and return what was asked for of each text.

    texts: a cache without pending rows, and the token ids that follow what it holds. All texts go through the model together, at
    most `chunk` tokens of each a pass, so there are as many passes as the longest has pieces (`num_passes`). The result has the
    logits of each text's last `num_logits` tokens (None: of all), and the states that `hidden` names of all its tokens, as
    `Model.forward` does; a text of no tokens has no rows. Rows are those of one pass, within the model's tolerance. Errors: UserError
    as in `Model.forward`, for a cache with pending rows, and for a chunk below 1; pieces read before it stay committed.

    >>> from foretell.models.tiny import TinyModel
    >>> model = TinyModel(vocab_size=3)
    >>> cache = model.new_cache()
    >>> [rows] = read(model, [(cache, [0, 2, 1, 1, 0])], chunk=2, num_logits=3)
    >>> cache.length, rows.logits.shape
    (5, torch.Size([3, 3]))
    """
    if chunk < 1:
        raise UserError(f"read: chunk={chunk!r} must be at least 1")
    for cache, _ in texts:
        if cache.pending:
            raise UserError(f"read: a cache holds {len(cache.pending)} pending rows; keep or drop them first")
    parts: list[list[Rows]] = [[] for _ in texts]
    for first in range(0, max((len(tokens) for _, tokens in texts), default=0), chunk):
        reading = [i for i, (_, tokens) in enumerate(texts) if len(tokens) > first]
        feeds = []
        for i in reading:
            cache, tokens = texts[i]
            piece = tokens[first : first + chunk]
            unasked = 0 if num_logits is None else len(tokens) - num_logits
            feeds.append(Feed(cache, piece, num_logits=max(0, min(len(piece), first + len(piece) - unasked))))
        for i, feed, rows in zip(reading, feeds, model.forward(feeds, hidden=hidden), strict=True):
            texts[i][0].keep(range(len(feed)))
            parts[i].append(rows)
    return [_joined(model, rows, hidden) for rows in parts]


def catch_up(model: Model, texts: Sequence[tuple[Cache, Sequence[int]]], chunk: int = CHUNK) -> list[int]:
    """Read each text but for its last piece, which one pass serves: at least 1 and at most `chunk` tokens are left to feed.

    texts: a cache without pending rows, and the whole text whose first tokens it holds. Returns how many tokens of each were read.
    Errors as in `read`.

    >>> from foretell.models.tiny import TinyModel
    >>> model = TinyModel()
    >>> cache = model.new_cache()
    >>> catch_up(model, [(cache, [1, 2, 3, 0, 1])], chunk=2), cache.length
    ([4], 4)
    """
    lags = [len(text) - cache.length for cache, text in texts]
    nums = [(num_passes(lag, chunk) - 1) * chunk if lag > chunk else 0 for lag in lags]
    unread = [(cache, text[cache.length : cache.length + num]) for (cache, text), num in zip(texts, nums, strict=True) if num]
    read(model, unread, chunk, num_logits=0)
    return nums


def num_passes(num_tokens: int, chunk: int = CHUNK) -> int:
    """Passes that reading so many tokens takes.

    >>> num_passes(600)
    3
    """
    return -(-num_tokens // chunk)


def _joined(model: Model, parts: list[Rows], hidden: Sequence[int | str]) -> Rows:
    """The rows of one text's pieces as one."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return Rows(
            torch.empty(0, model.vocab_size, device=model.device),
            {key: torch.empty(0, model.width, device=model.device) for key in hidden},
        )
    return Rows(
        torch.cat([part.logits for part in parts]),
        {key: torch.cat([part.hidden[key] for part in parts]) for key in hidden},
        [speaker for part in parts for speaker in part.speakers],
        [sum(work) for work in zip(*(part.work for part in parts), strict=True)],
    )
