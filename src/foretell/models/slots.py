"""One store of keys and values for all sequences of a model; a cache is a list of slots in it.

Rows are never moved: keeping a path, forking and rolling back are operations on lists of integers. Slots are shared between
forks and counted; a slot is free again when its last owner lets go.

Layout: `store[layer, slot, 0 or 1, kv_head, head_dim]`, 0 holding keys (after rotary embedding) and 1 values.
"""

from __future__ import annotations

import itertools
import weakref

import torch

from foretell.locks import ForkSafeLock
from foretell.models.cache import Cache

#: Slots that a store has at least.
_LEAST = 512
#: Caches that come and go between two looks at whether the store is too large; what they needed at most is what it keeps.
_PATIENCE = 64


class SlotStore:
    """Grows by doubling, and halves when the last `_PATIENCE` caches needed a quarter at most. `claim(n, into)` gives n slots (ascending
    where possible, so that reads are contiguous).

    `data` is replaced in `claim` only. What is owned is what the lists of living caches hold: an interrupt may come between any two lines,
    so before the store grows it counts anew, and slots that nobody holds are free again.
    """

    def __init__(self, num_layers: int, num_kv_heads: int, head_dim: int, dtype: torch.dtype, device: torch.device, capacity: int = _LEAST):
        self.data = torch.zeros(num_layers, capacity, 2, num_kv_heads, head_dim, dtype=dtype, device=device)
        self._least = capacity
        self._held: dict[int, tuple[list[int], ...]] = {}
        self._ids = itertools.count()
        self._lock = ForkSafeLock()
        self._num_forgotten, self._peak = 0, 0
        self._count()

    def register(self, *lists: list[int]) -> int:
        """Note lists of slots that an owner will keep up to date; returns the number to `forget` them by."""
        with self._lock:
            number = next(self._ids)
            self._held[number] = lists
            return number

    def forget(self, number: int) -> None:
        """Release all slots of an owner that is gone."""
        with self._lock:
            for slots in self._held.pop(number, ()):
                self._release(slots)
            self._num_forgotten += 1

    def claim(self, num: int, into: list[int]) -> None:
        """Append `num` free slots to `into`, ascending where possible; the store grows where there are too few."""
        with self._lock:
            self._peak = max(self._peak, self.num_used + num)
            if self._num_forgotten >= _PATIENCE:
                self._shrink()
            if len(self._free) < num:
                self._count()
            while len(self._free) < num:
                self._resize(2 * self.data.shape[1])
            for _ in range(num):  # one by one: the collector may release slots in between
                slot = self._free.pop()
                self._owners[slot] = 1
                into.append(slot)

    def share(self, slots: list[int], into: list[int]) -> None:
        """Count one more owner of each slot, and append them to `into`."""
        with self._lock:
            into += slots
            for slot in slots:
                self._owners[slot] += 1

    def release(self, slots: list[int]) -> None:
        """Count one owner less of each slot, which its list must no longer hold; slots without an owner are free."""
        with self._lock:
            self._release(slots)

    @property
    def num_used(self) -> int:
        """Slots that somebody owns (for tests of leaks)."""
        return len(self._owners) - len(self._free)

    def _release(self, slots: list[int]) -> None:
        for slot in reversed(slots):
            self._owners[slot] -= 1
            if self._owners[slot] == 0:
                self._free.append(slot)

    def _count(self) -> None:
        """Make `_owners` and `_free` what the registered lists say."""
        owners = [0] * self.data.shape[1]
        for lists in list(self._held.values()):
            for slots in lists:
                for slot in slots:
                    owners[slot] += 1
        self._owners = owners
        self._free = [slot for slot in range(len(owners) - 1, -1, -1) if not owners[slot]]

    def _shrink(self) -> None:
        """Give back the upper half, as often as it is free and a quarter was enough since the last call."""
        peak, self._peak, self._num_forgotten = self._peak, self.num_used, 0
        if 4 * peak > len(self._owners):
            return
        self._count()
        capacity, highest = len(self._owners), max((slot for slot, owners in enumerate(self._owners) if owners), default=-1)
        while capacity >= 2 * self._least and 4 * peak <= capacity and highest < capacity // 2:
            capacity //= 2
            self._resize(capacity)

    def _resize(self, capacity: int) -> None:
        layers, before, *rest = self.data.shape
        data = torch.empty(layers, capacity, *rest, dtype=self.data.dtype, device=self.data.device)
        kept = min(before, capacity)
        data[:, :kept] = self.data[:, :kept]
        data[:, kept:] = 0
        self.data = data
        self._count()


class SlotCache(Cache):
    """The native models' cache: `slots` of the committed rows and `pending_slots` of the tree, in a shared `SlotStore`."""

    def __init__(self, store: SlotStore) -> None:
        super().__init__()
        self.store = store
        self.slots: list[int] = []
        self.pending_slots: list[int] = []
        self._finalizer = weakref.finalize(self, store.forget, store.register(self.slots, self.pending_slots))

    def claim_pending(self) -> None:
        """Give every pending row that has none a slot."""
        self.store.claim(len(self.pending) - len(self.pending_slots), self.pending_slots)

    # Slots leave their list before they are released: an interrupt in between loses them until the next count, and frees none twice.

    def _keep(self, path: list[int]) -> None:
        kept = set(path)
        gone = [slot for row, slot in enumerate(self.pending_slots) if row not in kept]
        self.slots += [self.pending_slots[row] for row in path]
        self.pending_slots.clear()
        self.store.release(gone)

    def _truncate(self, length: int) -> None:
        gone = self.slots[length:]
        del self.slots[length:]
        self.store.release(gone)

    def _reopen(self, num: int) -> None:
        first = len(self.slots) - num
        self.pending_slots += self.slots[first:]
        del self.slots[first:]

    def _fork(self) -> SlotCache:
        twin = SlotCache(self.store)
        self.store.share(self.slots, twin.slots)
        return twin
