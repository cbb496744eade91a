"""The compiled part of `foretell.models.top_k`: a scan in blocks against the k-th largest value so far."""

from __future__ import annotations

import numpy as np
from llvmlite import ir

from foretell.models.engines.compiled import njit
from foretell.models.engines.lanes import I1, I64, LANES, Emitter, kernel, vector
from foretell.models.source_key import source_key

_BLOCK = 8 * LANES
_LOWEST = np.int32(-(2**31))
_MAGNITUDE = np.int32(0x7FFFFFFF)
_INFINITY = np.int32(0x7F800000)


@kernel("pif", returns="i")
def _worth_a_look(e: Emitter, values, count, bar):
    """Whether any of `count` values (a whole number of vectors) is above `bar` or NaN."""
    b = e.b
    bars = e.splat(bar)

    def compare(index, found):
        value = e.load_lanes(e.at(values, b.mul(index, ir.Constant(I64, 4))))
        return [b.or_(found[0], b.fcmp_unordered(">", value, bars))]

    (found,) = e.loop(count, LANES, [ir.Constant(vector(I1), None)], compare)
    return b.zext(e.reduce(found, b.or_), I64)


@njit(nogil=True)
def _key(bits):
    """An int32 in the order of the float32 with these bits: -0 with 0, every NaN above all."""
    magnitude = np.int32(bits & _MAGNITUDE)
    key = magnitude if bits >= 0 else np.int32(-magnitude)
    return key if magnitude <= _INFINITY else _MAGNITUDE


def _cached(build: int):
    """The compiled function, with `build` in its closure (see `source_key`)."""

    @njit(nogil=True, cache=True)
    def select(rows, bits, indices):
        """Fill `indices` (n, k) for `rows` (n, V) float32, `bits` being the same memory as int32."""
        width, k = rows.shape[1], indices.shape[1]
        best = np.empty(k, dtype=np.int32)
        for r in range(rows.shape[0] if build else 0):
            row, found = bits[r], indices[r]
            held = 0
            for start in range(0, width, _BLOCK):
                stop = min(start + _BLOCK, width)
                if held == k and stop - start == _BLOCK:
                    # the k-th so far is a NaN: then nothing is above it, not even another one
                    if best[k - 1] == _MAGNITUDE:
                        break
                    if not _worth_a_look(rows[r].ctypes.data + 4 * start, _BLOCK, rows[r, found[k - 1]]):
                        continue
                for i in range(start, stop):
                    key = _key(row[i])
                    if held == k and key <= best[k - 1]:
                        continue
                    at = min(held, k - 1)
                    while at > 0 and best[at - 1] < key:
                        best[at], found[at] = best[at - 1], found[at - 1]
                        at -= 1
                    best[at], found[at] = key, i
                    held = min(held + 1, k)

    return select


select = _cached(source_key(__file__, "lanes"))
