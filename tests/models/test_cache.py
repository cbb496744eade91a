"""What every cache shares: contexts, blocks that are kept whole, and beginning another prompt."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from foretell.errors import UserError
from foretell.models.base import NO_CONTEXT, Attention, Context, Feed
from foretell.models.tiny import TinyModel

MODEL = TinyModel(vocab_size=5, order=3)


def test_a_context_takes_what_it_should():
    assert Context(np.int64(3)).prompt_length == 3
    assert NO_CONTEXT.prompt_length == 0
    for wrong, message in (
        ({"prompt_length": -1}, "prompt_length=-1 must be 0 or above"),
        ({"prompt_length": 1.5}, r"prompt_length=1\.5 must be a whole number"),
        ({"memory": torch.zeros(3)}, r"memory=\(3,\) must be a tensor of shape"),
        ({"memory": [[0.0]]}, "memory=list must be a tensor"),
    ):
        with pytest.raises(UserError, match=message):
            Context(**wrong)


def test_a_memory_is_refused_where_no_row_reads_it():
    with pytest.raises(UserError, match=r"memory of shape \(2, 5\), but this TinyModel takes no memory; leave it out"):
        MODEL.new_cache(Context(memory=torch.zeros(2, 5)))


def block(cache, num: int, tokens=(1, 2, 3, 4)) -> None:
    MODEL.forward([Feed(cache, tokens, attention=Attention.PREFIX, num_prefix=num)])


def test_blocks_are_listed_while_they_are_there():
    cache = MODEL.new_cache()
    block(cache, 3)
    block(cache, 2, [4, 3])
    assert cache.pending_blocks == [(0, 3), (4, 6)]
    cache.keep([0, 1, 2, 3])
    assert (cache.blocks, cache.pending_blocks) == ([(0, 3)], [])
    block(cache, 4)
    cache.keep(range(4))
    assert cache.blocks == [(0, 3), (4, 8)]
    twin = cache.fork()
    cache.truncate(4)
    assert cache.blocks == [(0, 3)]
    assert twin.blocks == [(0, 3), (4, 8)]
    with pytest.raises(UserError, match="truncate: length=5 cuts rows 4 to 7, which see each other; cut at 4"):
        twin.truncate(5)
    assert twin.length == 8
    with pytest.raises(UserError, match="reopen"):
        cache.reopen(1)
    cache.truncate(0)
    MODEL.forward([Feed(cache, [1])])
    cache.keep([0])
    cache.reopen(1)


def test_a_part_of_a_block_cannot_be_kept():
    cache = MODEL.new_cache()
    block(cache, 3)
    with pytest.raises(UserError, match=r"keep: path=\[0, 1\] holds a part of rows 0 to 2"):
        cache.keep([0, 1])
    with pytest.raises(UserError, match="parent=1 lies in rows 0 to 2, which see each other; take 2"):
        MODEL.forward([Feed(cache, [1], [1])])
    assert len(cache.pending) == 4
    cache.keep([])
    assert cache.pending_blocks == cache.blocks == []


def test_reuse_begins_another_prompt():
    cache = MODEL.new_cache(Context(2))
    MODEL.forward([Feed(cache, [1, 2, 3, 4])])
    cache.keep(range(4))
    cache.reuse(6)
    assert (cache.length, cache.context.prompt_length) == (4, 6)
    cache.reuse(3)
    assert (cache.length, cache.context.prompt_length) == (2, 3)
    cache.reuse(0)
    assert (cache.length, cache.context.prompt_length) == (0, 0)


def test_a_failed_batch_leaves_neither_blocks_nor_positions():
    good, bad = MODEL.new_cache(), MODEL.new_cache()
    with pytest.raises(UserError, match="token=9"):
        MODEL.forward([Feed(good, [1, 2], attention=Attention.FULL, positions=[4, 5]), Feed(bad, [9])])
    assert good.pending == good.pending_blocks == []
    assert not good.placed
