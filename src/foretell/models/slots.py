"""One store of keys and values for all sequences of a model; a cache is a list of slots in it.

Rows are never moved: keeping a path, forking and rolling back are operations on lists of integers. Slots are shared between
forks and counted; a slot is free again when its last owner lets go.

Layout: `store[layer, slot, 0 or 1, kv_head, head_dim]`, 0 holding keys (after rotary embedding) and 1 values.
"""

from __future__ import annotations

import weakref

import torch

from foretell.locks import ForkSafeLock
from foretell.models.cache import Cache


class SlotStore:
    """Grows by doubling. `claim(n)` gives n slots (ascending where possible, so that reads are contiguous)."""

    def __init__(self, num_layers: int, num_kv_heads: int, head_dim: int, dtype: torch.dtype, device: torch.device, capacity: int = 512):
        self.data = torch.zeros(num_layers, capacity, 2, num_kv_heads, head_dim, dtype=dtype, device=device)
        self._free = list(range(capacity - 1, -1, -1))
        self._owners = [0] * capacity
        self._lock = ForkSafeLock()

    def claim(self, num: int) -> list[int]:
        """`num` free slots, ascending where possible; the store grows where there are too few."""
        with self._lock:
            while len(self._free) < num:
                self._grow()
            slots = [self._free.pop() for _ in range(num)]  # one by one: the collector may release slots in between
            for slot in slots:
                self._owners[slot] = 1
            return slots

    def share(self, slots: list[int]) -> None:
        """Count one more owner of each slot."""
        with self._lock:
            for slot in slots:
                self._owners[slot] += 1

    def release(self, slots: list[int]) -> None:
        """Count one owner less of each slot; slots without an owner are free."""
        with self._lock:
            for slot in reversed(slots):
                self._owners[slot] -= 1
                if self._owners[slot] == 0:
                    self._free.append(slot)

    @property
    def num_used(self) -> int:
        """Slots that somebody owns (for tests of leaks)."""
        return len(self._owners) - len(self._free)

    def _grow(self) -> None:
        layers, capacity, *rest = self.data.shape
        grown = torch.zeros(layers, 2 * capacity, *rest, dtype=self.data.dtype, device=self.data.device)
        grown[:, :capacity] = self.data
        self.data = grown
        self._free[:0] = range(2 * capacity - 1, capacity - 1, -1)
        self._owners += [0] * capacity


class SlotCache(Cache):
    """The native models' cache: `slots` of the committed rows and `pending_slots` of the tree, in a shared `SlotStore`."""

    def __init__(self, store: SlotStore) -> None:
        super().__init__()
        self.store = store
        self.slots: list[int] = []
        self.pending_slots: list[int] = []
        self._finalizer = weakref.finalize(self, _release, store, self.slots, self.pending_slots)

    def claim_pending(self) -> None:
        """Give every pending row that has none a slot."""
        self.pending_slots += self.store.claim(len(self.pending) - len(self.pending_slots))

    def _keep(self, path: list[int]) -> None:
        kept = set(path)
        self.slots += [self.pending_slots[row] for row in path]
        self.store.release([slot for row, slot in enumerate(self.pending_slots) if row not in kept])
        self.pending_slots.clear()

    def _truncate(self, length: int) -> None:
        self.store.release(self.slots[length:])
        del self.slots[length:]

    def _reopen(self, num: int) -> None:
        first = len(self.slots) - num
        self.pending_slots += self.slots[first:]
        del self.slots[first:]

    def _fork(self) -> SlotCache:
        twin = SlotCache(self.store)
        self.store.share(self.slots)
        twin.slots += self.slots
        return twin


def _release(store: SlotStore, slots: list[int], pending_slots: list[int]) -> None:
    store.release(slots + pending_slots)
