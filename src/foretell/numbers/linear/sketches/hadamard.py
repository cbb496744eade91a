"""The Walsh-Hadamard transform, as a few products with small matrices."""

from __future__ import annotations

import numpy as np
from scipy.linalg import hadamard as hadamard_matrix

from foretell.errors import UserError

#: Bits of the row number in one product: H_64 at most.
BITS = 6


def padded_length(num_rows: int) -> int:
    """The least power of two that is no less, as a Python integer, which does not overflow.

    >>> padded_length(5), padded_length(8), padded_length(2**31 + 1) == 2**32
    (8, 8, True)
    """
    return 1 << max(0, int(num_rows) - 1).bit_length()


def hadamard_transform(rows: np.ndarray) -> np.ndarray:
    """Each row (length 2^k) times H, unnormalised: entries of H are 1 and -1. As H of 2^(a+b) is the Kronecker product of those of 2^a
    and 2^b, products over some bits at a time do it.

    >>> hadamard_transform(np.array([[1.0, 0.0, 0.0, 1.0]])).tolist()
    [[2.0, 0.0, 0.0, 2.0]]
    """
    num, length = rows.shape
    bits = length.bit_length() - 1
    if length != 1 << bits:
        raise UserError(f"rows have length {length}, which is no power of two; pad them to {padded_length(length)}")
    parts = -(-bits // BITS)
    left = 1
    for part in range(parts):
        width = 1 << (bits * (part + 1) // parts - bits * part // parts)
        right = length // (left * width)
        small = hadamard_matrix(width).astype(float)
        # The last bits lie side by side, and are a plain product; the others are strided.
        shaped = rows.reshape(num * left, width, right) if right > 1 else rows.reshape(num * left, width)
        rows = (np.matmul(small, shaped) if right > 1 else shaped @ small).reshape(num, length)
        left *= width
    return rows
