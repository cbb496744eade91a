"""A set of token ids as packed bits: the tokens that a constraint allows after a text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class TokenSet:
    """A set of token ids below `size`. Immutable; `&`, `|` and `-` are intersection, union and difference of sets of one size.

    bits: (ceil(size / 8),) uint8, token t is bit t % 8 of byte t // 8; bits from `size` on are 0. size: the vocabulary's size.

    >>> allowed = TokenSet.of([1, 9], size=10)
    >>> 9 in allowed, len(allowed), allowed.ids.tolist(), allowed.only
    (True, 2, [1, 9], None)
    """

    bits: NDArray[np.uint8]
    size: int

    @classmethod
    def of(cls, tokens: Iterable[int], size: int) -> TokenSet:
        """The set of these tokens. IndexError for one that is not below `size`."""
        mask = np.zeros(size, dtype=bool)
        mask[np.fromiter(tokens, dtype=np.int64)] = True
        return cls.where(mask)

    @classmethod
    def where(cls, mask: NDArray[np.bool_]) -> TokenSet:
        """The tokens at which `mask`, (size,) bool, is True."""
        return cls(np.packbits(mask, bitorder="little"), len(mask))

    @classmethod
    def packed(cls, bits: bytes, size: int) -> TokenSet:
        """From packed bits as in `bits`. Bits from `size` on are dropped, missing bytes count as 0."""
        given = np.frombuffer(bits, dtype=np.uint8)[: (size + 7) // 8]
        padded = np.zeros((size + 7) // 8, dtype=np.uint8)
        padded[: len(given)] = given
        if size % 8 and len(given) == len(padded):
            padded[-1] &= (1 << size % 8) - 1
        return cls(padded, size)

    @classmethod
    def everything(cls, size: int) -> TokenSet:
        """All token ids below `size`."""
        return cls.where(np.ones(size, dtype=bool))

    @cached_property
    def mask(self) -> NDArray[np.bool_]:
        """(size,) bool, True at the tokens of the set."""
        return np.unpackbits(self.bits, count=self.size, bitorder="little").view(bool)

    @cached_property
    def ids(self) -> NDArray[np.int64]:
        """(num_tokens,) int64, the tokens in ascending order."""
        return self.mask.nonzero()[0]

    @cached_property
    def only(self) -> int | None:
        """The token of a set with exactly one, else None."""
        nonzero = self.bits.nonzero()[0]  # bytes: an eighth of what `ids` looks at
        if len(nonzero) != 1:
            return None
        byte = int(self.bits[nonzero[0]])
        return int(nonzero[0]) * 8 + byte.bit_length() - 1 if byte.bit_count() == 1 else None

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
