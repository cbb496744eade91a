"""`Feed`: one sequence's new rows in a batch, and the rules on what goes with what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

import torch
from torch import Tensor

from foretell.errors import UserError
from foretell.models.cache import Cache


class ContextOverflowError(UserError):
    """More positions were asked for than the model was made for."""


class Attention(Enum):
    """Which rows of its own feed a row sees, beside all committed rows and the pending ones it hangs on.

    CAUSAL: itself and its ancestors. FULL: all of them. PREFIX: the first `num_prefix` rows see each other, the rest is causal.
    """

    CAUSAL = "causal"
    PREFIX = "prefix"
    FULL = "full"


#: Looked up for every feed of every step, where an enum's own look-up is slow (Python 3.11).
CAUSAL = Attention.CAUSAL


@dataclass
class Feed:
    """One sequence's part of a batch: new rows for its cache.

    cache: made by the model's `new_cache`; None: a forward without a cache, whose rows are forgotten when it returns.
    tokens: token ids (n,); or `embeddings` (n, width) instead, what the first layer reads. Both mixed: `embeddings` (k, width)
    stand at the rows `places` (k,), ascending, and the tokens at these places are not looked at (`Feed.mixed` builds that).
    With `start > 0`, `embeddings` are hidden states after layer `start` and `rows` names the pending rows they belong to, which
    passed the earlier layers before (resume of an early exit).
    parents: per new row -1 (the committed end) or a pending row, counted over all pending rows; None is a chain that
    continues the last pending row.
    num_logits: logits are computed for the last so many rows of this feed (None: all).
    attention: which rows of the feed see each other; num_prefix: of `Attention.PREFIX`, how many.
    positions: (n,) of the rows, below the model's `max_length`, where they are not their depth in the text. A later feed
    without positions goes on by depth. Sliding windows count rows, not positions.

    What goes with what: `parents` are for causal feeds; `rows` stand alone with `embeddings`; a feed with an attention other
    than causal or with positions runs all layers, unless it has no cache. `Model.forward` refuses the rest by name.
    """

    cache: Cache | None
    tokens: Sequence[int] = ()
    parents: Sequence[int] | None = None
    embeddings: Tensor | None = None
    rows: Sequence[int] | None = None
    num_logits: int | None = None
    places: Sequence[int] | None = None
    attention: Attention = CAUSAL
    num_prefix: int | None = None
    positions: Sequence[int] | None = None

    @classmethod
    def mixed(
        cls,
        cache: Cache | None,
        pieces: Sequence[Sequence[int] | Tensor],
        *,
        parents: Sequence[int] | None = None,
        num_logits: int | None = None,
        attention: Attention = CAUSAL,
        num_prefix: int | None = None,
        positions: Sequence[int] | None = None,
    ) -> Feed:
        """A feed of pieces in a row, each token ids or embeddings (k, width).

        >>> feed = Feed.mixed(None, [[5, 6], torch.zeros(3, 4), [7]])
        >>> len(feed), feed.places
        (6, [2, 3, 4])
        """
        tokens: list[int] = []
        places: list[int] = []
        parts: list[Tensor] = []
        for piece in pieces:
            if not isinstance(piece, Tensor):
                tokens += piece
                continue
            if piece.ndim != 2:
                raise UserError(f"Feed.mixed: a piece of shape {tuple(piece.shape)} must be embeddings (k, width), or a list of token ids")
            places += range(len(tokens), len(tokens) + len(piece))
            tokens += [0] * len(piece)
            parts.append(piece)
        mixture = (torch.cat(parts), places) if parts else (None, None)
        return cls(cache, tokens, parents, mixture[0], None, num_logits, mixture[1], attention, num_prefix, positions)

    def __len__(self) -> int:
        return len(self.tokens) if self.embeddings is None or self.places is not None else len(self.embeddings)

    @property
    def places_fed(self) -> Sequence[int]:
        """Rows that embeddings stand at."""
        if self.embeddings is None:
            return ()
        return range(len(self.embeddings)) if self.places is None else self.places

    @property
    def ids(self) -> list[int]:
        """Token ids (n,), 0 where embeddings stand."""
        if self.embeddings is None:
            return list(self.tokens)
        ids = [0] * len(self) if self.places is None else list(self.tokens)
        for place in self.places or ():
            ids[place] = 0
        return ids

    @property
    def num_wanted(self) -> int:
        """How many of its last rows logits are computed for."""
        return len(self) if self.num_logits is None else min(self.num_logits, len(self))

    @property
    def num_block(self) -> int:
        """How many of its first rows see each other; 0 where the feed is causal."""
        if self.attention is CAUSAL:
            return 0
        return len(self) if self.attention is Attention.FULL else self.num_prefix or 0

    @property
    def is_plain(self) -> bool:
        """Tokens or a tree of them, causal, each at its depth: what nearly every feed is."""
        return (
            self.embeddings is None and self.rows is None and self.places is None and self.positions is None
            and self.num_prefix is None and self.attention is CAUSAL
        )  # fmt: skip


def check_feed(feed: Feed, width: int, start: int, whole: bool) -> None:
    """UserError, naming the argument and the remedy, where the settings of `feed` do not go together.

    start: the layer that the forward begins after. whole: whether it runs all layers from there on.
    """
    if feed.num_logits is not None and feed.num_logits < 0:
        raise UserError(f"forward: num_logits={feed.num_logits!r} must be 0 or above, or None for all rows")
    if (start > 0) != (feed.rows is not None):
        raise UserError("forward: a feed names `rows` when, and only when, start > 0")
    if feed.is_plain:
        return
    whole = whole or feed.cache is None
    if feed.embeddings is not None:
        _check_embeddings(feed, feed.embeddings, width)
    elif feed.places is not None:
        raise UserError("forward: `places` are those of `embeddings`; give both, or neither")
    if feed.rows is not None:
        _check_resumed(feed)
    if feed.attention is not CAUSAL:
        if feed.parents is not None:
            raise UserError(f"forward: attention={feed.attention.value!r} takes no `parents`: trees are causal; feed a chain")
        if not whole:
            raise UserError(f"forward: attention={feed.attention.value!r} needs all layers in one forward; leave out `stop`, or the cache")
    if (feed.attention is Attention.PREFIX) != (feed.num_prefix is not None):
        raise UserError(f"forward: num_prefix={feed.num_prefix!r} goes with attention={Attention.PREFIX.value!r}, and only with it")
    if feed.num_prefix is not None and not 1 <= feed.num_prefix <= len(feed):
        raise UserError(f"forward: num_prefix={feed.num_prefix!r} must lie between 1 and the {len(feed)} rows of the feed")
    if feed.positions is not None:
        if len(feed.positions) != len(feed):
            raise UserError(f"forward: {len(feed.positions)} positions for {len(feed)} rows")
        if not whole:
            raise UserError("forward: `positions` need all layers in one forward; leave out `stop`, or the cache")


def _check_embeddings(feed: Feed, embeddings: Tensor, width: int) -> None:
    if embeddings.ndim != 2 or embeddings.shape[1] != width or not embeddings.is_floating_point():
        raise UserError(f"forward: embeddings of shape {tuple(embeddings.shape)} and {embeddings.dtype} must be (rows, {width}) floats")
    if feed.places is None:
        if len(feed.tokens):
            raise UserError("forward: tokens and embeddings in one feed need `places`; see Feed.mixed")
        return
    if len(feed.places) != len(embeddings):
        raise UserError(f"forward: {len(feed.places)} places for {len(embeddings)} embeddings")
    if any(a >= b for a, b in pairwise(feed.places)) or any(not 0 <= place < len(feed) for place in feed.places):
        raise UserError(f"forward: places={list(feed.places)!r} must ascend and lie within the {len(feed)} rows of the feed")


def _check_resumed(feed: Feed) -> None:
    assert feed.rows is not None
    if feed.cache is None:
        raise UserError("forward: start > 0 resumes rows of a cache; give the cache that holds them")
    if feed.embeddings is None or feed.places is not None or len(feed.rows) != len(feed.embeddings):
        raise UserError("forward: start > 0 needs `embeddings` with one state per entry of `rows`")
    if feed.parents is not None or feed.attention is not CAUSAL or feed.positions is not None:
        raise UserError("forward: start > 0 resumes rows where they are; leave out `parents`, `attention` and `positions`")
    for row in feed.rows:
        if not 0 <= row < len(feed.cache.pending):
            raise UserError(f"forward: rows={list(feed.rows)!r} must be among the {len(feed.cache.pending)} pending rows of the cache")
    feed.cache.check_plain("forward")
