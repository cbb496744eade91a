"""The store of slots: it grows, shrinks, and forgets nothing that is held."""

from __future__ import annotations

import pytest
import torch

from foretell.models.slots import _PATIENCE, SlotCache, SlotStore


@pytest.fixture
def store():
    return SlotStore(1, 1, 2, torch.float32, torch.device("cpu"), capacity=8)


def filled(store, num):
    """A cache with `num` committed rows, each holding its slot's number times ten plus its place."""
    cache = SlotCache(store)
    cache.append([-1, *range(num - 1)])
    cache.claim_pending()
    store.data[0, cache.pending_slots, 0, 0, 0] = torch.arange(num, dtype=torch.float32)
    cache.keep(range(num))
    return cache


def come_and_go(store):
    """Twice as many short texts as the store waits for: one that began before a look may have been beside a long one."""
    for _ in range(2 * _PATIENCE):
        filled(store, 2)


def test_it_shrinks_when_long_texts_are_gone_and_keeps_what_is_held(store):
    short = filled(store, 3)
    long = filled(store, 200)
    assert store.data.shape[1] == 256
    del long
    assert store.num_used == 3
    come_and_go(store)
    other = filled(store, 1)  # the store is replaced where slots are claimed
    assert store.data.shape[1] == 16
    for cache, num in ((short, 3), (other, 1)):
        assert store.data[0, cache.slots, 0, 0, 0].tolist() == list(range(num))


def test_a_held_slot_in_the_upper_half_keeps_the_store_large(store):
    long = filled(store, 100)
    last = filled(store, 2)
    del long
    come_and_go(store)
    assert store.data.shape[1] == 128
    assert store.data[0, last.slots, 0, 0, 0].tolist() == [0, 1]
    del last
    come_and_go(store)
    assert store.data.shape[1] == 8


def test_batches_of_the_same_size_do_not_make_it_shrink_and_grow(store, monkeypatch):
    sizes = []
    monkeypatch.setattr(SlotStore, "_resize", lambda self, size, resize=SlotStore._resize: sizes.append(size) or resize(self, size))
    for _ in range(_PATIENCE):
        batch = [filled(store, 20) for _ in range(4)]
        del batch
    assert sizes == [16, 32, 64, 128]


def test_slots_lost_to_an_interrupt_are_found_before_the_store_grows(store):
    held = filled(store, 2)
    store.claim(6, [])  # claimed, and interrupted before any cache noted them
    assert store.num_used == 8
    more = filled(store, 6)
    assert store.data.shape[1] == 8
    assert not set(more.slots) & set(held.slots)


def test_forks_share_slots_until_the_last_one_is_gone(store):
    cache = filled(store, 4)
    twin = cache.fork()
    cache.truncate(1)
    assert store.num_used == 4
    del twin
    assert store.num_used == 1
    cache.truncate(0)
    assert store.num_used == 0
