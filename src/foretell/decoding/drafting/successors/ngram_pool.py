"""`NgramPool`: recent n-grams by their first tokens, for drafters that propose n-grams."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from foretell.parts import require


class NgramPool:
    """Continuations of `size` tokens by the `key_size` tokens before them, newest first.

    per_key: most continuations of a key; the least recently seen one is dropped. capacity: most keys; the least recently used one is
    dropped.

    Cost: a dictionary access per position and lookup. Fu et al., "Break the Sequential Dependency of LLM Inference Using
    Lookahead Decoding", section 3 (n-gram pool).
    Errors: UserError for sizes below 1, and for a continuation of another length.

    >>> pool = NgramPool(size=2)
    >>> pool.add_text([1, 2, 3, 1, 4, 5])
    >>> pool.find([7, 1])
    [(4, 5), (2, 3)]
    """

    def __init__(self, size: int = 4, key_size: int = 1, per_key: int = 8, capacity: int = 50_000) -> None:
        for name, value in (("size", size), ("key_size", key_size), ("per_key", per_key), ("capacity", capacity)):
            require(isinstance(value, int) and value >= 1, self, name, value, "must be a whole number of at least 1")
        self.size, self.key_size, self.per_key, self.capacity = size, key_size, per_key, capacity
        self.evicted = 0
        self._pieces: OrderedDict[tuple[int, ...], OrderedDict[tuple[int, ...], None]] = OrderedDict()

    def add(self, key: Sequence[int], piece: Sequence[int]) -> None:
        """Add `piece` as a continuation of the last tokens of `key`."""
        require(len(piece) == self.size, self, "piece", tuple(piece), f"must be size={self.size} tokens")
        require(len(key) >= self.key_size, self, "key", tuple(key), f"must be at least key_size={self.key_size} tokens")
        ending = tuple(key[-self.key_size :])
        pieces = self._pieces.setdefault(ending, OrderedDict())
        self._pieces.move_to_end(ending)
        pieces[tuple(piece)] = None
        pieces.move_to_end(tuple(piece))
        if len(pieces) > self.per_key:
            pieces.popitem(last=False)
        if len(self._pieces) > self.capacity:
            self._pieces.popitem(last=False)
            self.evicted += 1

    def add_text(self, text: Sequence[int], first: int = 0) -> None:
        """Add every n-gram of `text` that ends at index `first` or later."""
        for end in range(max(first + 1, self.key_size + self.size), len(text) + 1):
            begin = end - self.size
            self.add(text[begin - self.key_size : begin], text[begin:end])

    def find(self, text: Sequence[int]) -> list[tuple[int, ...]]:
        """Continuations of the last tokens of `text`, newest first."""
        key = tuple(text[-self.key_size :])
        if key not in self._pieces:
            return []
        self._pieces.move_to_end(key)
        return list(reversed(self._pieces[key]))

    def __len__(self) -> int:
        """Number of keys."""
        return len(self._pieces)
