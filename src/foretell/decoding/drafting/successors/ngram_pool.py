"""`NgramPool`: recent n-grams by their first tokens, for drafters that propose whole pieces."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from foretell.parts import require


class NgramPool:
    """Continuations of `size` tokens by the `key_size` tokens before them, newest first.

    per_key: continuations kept of a key; the one seen longest ago goes. capacity: most keys; the one used longest ago goes.

    Cost: a dictionary access for each position or look-up. Fu et al., "Break the Sequential Dependency of LLM Inference Using
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
        """Note that `piece` followed the last tokens of `key`."""
        require(len(piece) == self.size, self, "piece", tuple(piece), f"must be size={self.size} tokens")
        require(len(key) >= self.key_size, self, "key", tuple(key), f"must be at least key_size={self.key_size} tokens")
        place = tuple(key[-self.key_size :])
        pieces = self._pieces.setdefault(place, OrderedDict())
        self._pieces.move_to_end(place)
        pieces[tuple(piece)] = None
        pieces.move_to_end(tuple(piece))
        if len(pieces) > self.per_key:
            pieces.popitem(last=False)
        if len(self._pieces) > self.capacity:
            self._pieces.popitem(last=False)
            self.evicted += 1

    def add_text(self, text: Sequence[int], first: int = 0) -> None:
        """Note every piece of `text` that ends at place `first` or later."""
        for end in range(max(first + 1, self.key_size + self.size), len(text) + 1):
            begin = end - self.size
            self.add(text[begin - self.key_size : begin], text[begin:end])

    def find(self, text: Sequence[int]) -> list[tuple[int, ...]]:
        """Pieces that followed the last tokens of `text`, newest first."""
        place = tuple(text[-self.key_size :])
        if place not in self._pieces:
            return []
        self._pieces.move_to_end(place)
        return list(reversed(self._pieces[place]))

    def __len__(self) -> int:
        """Keys known."""
        return len(self._pieces)
