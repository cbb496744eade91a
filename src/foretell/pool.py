"""A bounded, thread-safe cache with one value a key; the value that was used least recently is dropped first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from foretell.errors import UserError
from foretell.locks import ForkSafeLock

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Pool(Generic[K, V]):
    """At most `max_items` values by key (least recently used, LRU). A value is made when it is first asked for.

    Threads may share a pool. While one thread makes a value, others that ask for the same key wait for it, and other keys are served.
    `make` may use the pool for other keys. A dropped value stays usable for whoever still holds it.

    A copy and a pickle of a pool are empty: values are made again where they are needed. In a child process made by `os.fork` its
    locks are free.

    Errors: UserError for max_items below 1; whatever `make` raises, after which the key is absent.

    >>> squares = Pool[int, int](max_items=2)
    >>> [squares.get(number, lambda: number**2) for number in (1, 2, 3)]
    [1, 4, 9]
    >>> 1 in squares, len(squares)
    (False, 2)
    """

    def __init__(self, max_items: int) -> None:
        if max_items < 1:
            raise UserError(f"Pool: max_items={max_items!r} must be at least 1")
        self.max_items = max_items
        self._lock = ForkSafeLock()
        self._items: OrderedDict[K, _Item[V]] = OrderedDict()

    def get(self, key: K, make: Callable[[], V]) -> V:
        """The value of `key`, made by `make()` if it is absent; from now on the most recently used one."""
        with self._lock:
            item = self._items.get(key)
            if item is None:
                item = self._items[key] = _Item()
            else:
                self._items.move_to_end(key)
            if item.values:
                return item.values[0]
        with item.lock:
            if not item.values:
                try:
                    item.values.append(make())
                finally:
                    self._settle(key, item)
            return item.values[0]

    def put(self, key: K, value: V) -> None:
        """Set the value of `key`, in place of an earlier one."""
        item: _Item[V] = _Item()
        item.values.append(value)
        self._settle(key, item)

    def discard(self, key: K) -> None:
        """Drop the value of `key` if there is one."""
        with self._lock:
            self._items.pop(key, None)

    def clear(self) -> None:
        """Drop all values."""
        with self._lock:
            self._items.clear()

    def values(self) -> list[V]:
        """The values that are there, the least recently used one first."""
        with self._lock:
            return [value for item in self._items.values() for value in item.values]

    def __contains__(self, key: K) -> bool:
        with self._lock:
            return key in self._items and bool(self._items[key].values)

    def __len__(self) -> int:
        return len(self.values())

    def __reduce__(self) -> tuple[type[Pool[K, V]], tuple[int]]:
        return type(self), (self.max_items,)

    def _settle(self, key: K, item: _Item[V]) -> None:
        """Keep an item whose value was made, drop one whose value was not, and make room."""
        with self._lock:
            if item.values:
                self._items[key] = item
                self._items.move_to_end(key)
            elif self._items.get(key) is item:
                del self._items[key]
            while len(self._items) > self.max_items:
                self._items.popitem(last=False)


class _Item(Generic[V]):
    """One value, once it is made. lock: held by the thread that makes it. It is reentrant, so that a `make` that asks for its own key is
    a RecursionError and no deadlock."""

    __slots__ = ("lock", "values")

    def __init__(self) -> None:
        self.lock = ForkSafeLock()
        self.values: list[V] = []
