"""The compiled part of `foretell.models.top_k`: a scan in blocks against the k-th largest value so far."""

from __future__ import annotations

import numpy as np
from numba import njit

_BLOCK = 128
_LOWEST = np.int32(-(2**31))
_MAGNITUDE = np.int32(0x7FFFFFFF)
_INFINITY = np.int32(0x7F800000)


@njit(nogil=True)
def _key(bits):
    """An int32 in the order of the float32 with these bits: -0 with 0, every NaN above all."""
    magnitude = np.int32(bits & _MAGNITUDE)
    key = magnitude if bits >= 0 else np.int32(-magnitude)
    return key if magnitude <= _INFINITY else _MAGNITUDE


@njit(nogil=True, cache=True)
def select(rows, indices):
    """Fill `indices` (n, k) for `rows` (n, V), the float32 bits as int32."""
    width, k = rows.shape[1], indices.shape[1]
    best = np.empty(k, dtype=np.int32)
    for r in range(rows.shape[0]):
        row, found = rows[r], indices[r]
        held = 0
        bar = _LOWEST
        for start in range(0, width, _BLOCK):
            stop = min(start + _BLOCK, width)
            top = _LOWEST
            for i in range(start, stop):
                top = max(top, _key(row[i]))
            if held == k and top <= bar:
                continue
            for i in range(start, stop):
                key = _key(row[i])
                if held == k and key <= bar:
                    continue
                at = min(held, k - 1)
                while at > 0 and best[at - 1] < key:
                    best[at], found[at] = best[at - 1], found[at - 1]
                    at -= 1
                best[at], found[at] = key, i
                held = min(held + 1, k)
                bar = best[k - 1] if held == k else _LOWEST


@njit(nogil=True, cache=True)
def lead(row):
    """Indices of the largest and the second largest of `row` (V,), float32 bits as int32; both 0 where V is 1."""
    first, second = _LOWEST, _LOWEST
    at, behind = 0, 0
    for start in range(0, len(row), _BLOCK):
        stop = min(start + _BLOCK, len(row))
        top = _LOWEST
        for i in range(start, stop):
            top = max(top, _key(row[i]))
        if top <= second and start > 0:
            continue
        for i in range(start, stop):
            key = _key(row[i])
            if key > first or i == 0:
                first, second, at, behind = key, first, i, at
            elif key > second or i == 1:
                second, behind = key, i
    return at, behind
