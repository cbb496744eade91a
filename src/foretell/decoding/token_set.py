"""A set of tokens as packed bits: what a constraint allows after a text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class TokenSet:
    """Some of the tokens 0 to `size` - 1. bits: (ceil(size / 8),) uint8, the lowest token in the lowest bit; bits beyond `size` are 0.

    >>> allowed = TokenSet.of([1, 9], size=10)
    >>> 9 in allowed, len(allowed), allowed.ids.tolist(), allowed.only
    (True, 2, [1, 9], None)
    """

    bits: NDArray[np.uint8]
    size: int

    @classmethod
    def of(cls, tokens: Iterable[int], size: int) -> TokenSet:
        """The set of these tokens; IndexError for one that is not below `size`."""
        mask = np.zeros(size, dtype=bool)
        mask[np.fromiter(tokens, dtype=np.int64)] = True
        return cls.where(mask)

    @classmethod
    def where(cls, mask: NDArray[np.bool_]) -> TokenSet:
        """The tokens where `mask` (size,) holds."""
        return cls(np.packbits(mask, bitorder="little"), len(mask))

    @classmethod
    def packed(cls, bits: bytes, size: int) -> TokenSet:
        """From packed bits, of which those beyond `size` are dropped and missing ones count as 0."""
        there = np.frombuffer(bits, dtype=np.uint8)[: (size + 7) // 8]
        whole = np.zeros((size + 7) // 8, dtype=np.uint8)
        whole[: len(there)] = there
        if size % 8 and len(there) == len(whole):
            whole[-1] &= (1 << size % 8) - 1
        return cls(whole, size)

    @classmethod
    def everything(cls, size: int) -> TokenSet:
        """All tokens."""
        return cls.where(np.ones(size, dtype=bool))

    @cached_property
    def mask(self) -> NDArray[np.bool_]:
        """(size,), True where the token is in the set."""
        return np.unpackbits(self.bits, count=self.size, bitorder="little").view(bool)

    @cached_property
    def ids(self) -> NDArray[np.int64]:
        """The tokens, ascending."""
        return self.mask.nonzero()[0]

    @cached_property
    def only(self) -> int | None:
        """The token where there is exactly one, else None."""
        places = self.bits.nonzero()[0]  # much shorter than the tokens
        if len(places) != 1:
            return None
        byte = int(self.bits[places[0]])
        return int(places[0]) * 8 + byte.bit_length() - 1 if byte.bit_count() == 1 else None

    def __contains__(self, token: int) -> bool:
        return 0 <= token < self.size and bool(self.bits[token >> 3] >> (token & 7) & 1)

    def __len__(self) -> int:
        return len(self.ids)

    def __bool__(self) -> bool:
        return bool(self.bits.any())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TokenSet) and self.size == other.size and bool((self.bits == other.bits).all())

    def __hash__(self) -> int:
        return hash((self.size, self.bits.tobytes()))

    def __and__(self, other: TokenSet) -> TokenSet:
        return TokenSet(self.bits & other.bits, self.size)

    def __or__(self, other: TokenSet) -> TokenSet:
        return TokenSet(self.bits | other.bits, self.size)

    def __sub__(self, other: TokenSet) -> TokenSet:
        return TokenSet(self.bits & ~other.bits, self.size)
