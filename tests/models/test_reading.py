"""Reading in pieces: what is fed, what is asked for and what comes back."""

from __future__ import annotations

import pytest
import torch

from foretell.errors import UserError
from foretell.models.base import POST_NORM, Feed
from foretell.models.reading import CHUNK, catch_up, num_passes, read
from foretell.models.tiny import TinyModel


class Spy(TinyModel):
    """Notes the shape of every pass: rows and logits of each feed."""

    def __init__(self) -> None:
        super().__init__(vocab_size=7, order=3)
        self.passes: list[list[tuple[int, int]]] = []

    def _forward(self, feeds, hidden, start, stop):
        self.passes.append([(len(feed), feed.num_wanted) for feed in feeds])
        return super()._forward(feeds, hidden, start, stop)


TEXT = [(3 * i * i + i) % 7 for i in range(11)]


@pytest.mark.parametrize("num_logits", [None, 0, 1, 3, 6, 11])
@pytest.mark.parametrize("chunk", [1, 4, 11, 256])
def test_rows_are_those_of_one_pass(chunk, num_logits):
    model = Spy()
    [whole] = model.forward([Feed(None, TEXT)], hidden=[1, POST_NORM])
    cache = model.new_cache()
    [rows] = read(model, [(cache, TEXT)], chunk, hidden=[1, POST_NORM], num_logits=num_logits)
    first = 0 if num_logits is None else len(TEXT) - num_logits
    assert torch.equal(rows.logits, whole.logits[first:])
    assert all(torch.equal(rows.hidden[key], whole.hidden[key]) for key in (1, POST_NORM))
    assert (cache.length, cache.pending) == (len(TEXT), [])
    assert len(model.passes) - 1 == num_passes(len(TEXT), chunk)


def test_texts_share_passes_and_logits_are_computed_only_where_asked():
    model = Spy()
    caches = [model.new_cache() for _ in range(3)]
    found = read(model, list(zip(caches, [TEXT, TEXT[:5], []])), chunk=4, num_logits=2)
    assert model.passes == [[(4, 0), (4, 1)], [(4, 0), (1, 1)], [(3, 2)]]
    assert [rows.logits.shape for rows in found] == [(2, 7), (2, 7), (0, 7)]


def test_catching_up_leaves_one_piece():
    model = Spy()
    caches = [model.new_cache() for _ in range(3)]
    read(model, [(caches[1], TEXT[:8])])
    texts = [TEXT, TEXT, TEXT[:4]]
    assert catch_up(model, list(zip(caches, texts)), chunk=4) == [8, 0, 0]
    assert [cache.length for cache in caches] == [8, 8, 0]
    assert catch_up(model, [(caches[0], TEXT[:8])]) == [0]
    assert catch_up(model, []) == []


def test_wrong_use_is_refused():
    model = Spy()
    cache = model.new_cache()
    with pytest.raises(UserError, match="read: chunk=0 must be at least 1"):
        read(model, [(cache, TEXT)], chunk=0)
    model.forward([Feed(cache, [1])])
    with pytest.raises(UserError, match="1 pending rows; keep or drop them first"):
        read(model, [(cache, TEXT)])
    assert CHUNK == 256
