"""Attention of one query head over a list of slots, as explicit vector code.

A score depends on its query and key alone, the softmax sum and the mix of values on the order of the list alone: slot numbers,
tree shape and batch leave no trace in the result. Heads are `HEAD_BLOCK` columns wide or a multiple (padded with zeros).
"""

from __future__ import annotations

from llvmlite import ir

from foretell.models.engines.lanes import F32, I64, LANES, Emitter, kernel
from foretell.models.engines.packing import HEAD_BLOCK

_BLOCK_LANES = HEAD_BLOCK // LANES


def _fold_together(e: Emitter, vectors: list[ir.Value]) -> ir.Value:
    """One vector whose lane i is the sum of the lanes of vectors[i]: pairs are folded into one vector, step by step."""
    half = LANES // 2
    while len(vectors) > 1:
        count = len(vectors) // 2
        folded = []
        for i in range(count):
            left, right = vectors[i], vectors[i + count]
            # runs of `half` lanes: the first halves of both inputs' runs, and the second halves
            low = [lane for run in range(0, LANES, 2 * half) for lane in range(run, run + half)]
            first, second = low + [lane + LANES for lane in low], [lane + half for lane in low]
            second = second + [lane + LANES for lane in second]
            folded.append(e.b.fadd(e.shuffle(left, right, first), e.shuffle(left, right, second)))
        vectors, half = folded, half // 2
    return vectors[0]


def _fold_order() -> list[int]:
    """Which vector's sum ends in which lane of `_fold_together`."""
    vectors = [[(i, lane) for lane in range(LANES)] for i in range(LANES)]
    half = LANES // 2
    while len(vectors) > 1:
        count = len(vectors) // 2
        low = [lane for run in range(0, LANES, 2 * half) for lane in range(run, run + half)]
        vectors = [[vectors[i][lane] for lane in low] + [vectors[i + count][lane] for lane in low] for i in range(count)]
        half //= 2
    return [owner for owner, _ in vectors[0]]


@kernel("ppppiii")
def score(e: Emitter, query, keys, slots, out, slot_bytes, width, count):
    """out[j] = query . keys[slots[j]] for j < count, rounded up to whole vectors (`slots` must be that long)."""
    b = e.b
    order = _fold_order()

    def block(index, _):
        at = [
            e.at(keys, b.mul(e.load(e.at(slots, b.mul(b.add(index, ir.Constant(I64, i)), ir.Constant(I64, 8))), I64, 8), slot_bytes))
            for i in range(LANES)
        ]

        def columns(column, sums):
            offset = b.mul(column, ir.Constant(I64, 4))
            parts = [e.load_lanes(e.at(e.at(query, offset), 4 * LANES * i)) for i in range(_BLOCK_LANES)]
            new = []
            for key, total in zip(at, sums, strict=True):
                here = e.at(key, offset)
                for i, part in enumerate(parts):
                    total = e.fma(part, e.load_lanes(e.at(here, 4 * LANES * i)), total)
                new.append(total)
            return new

        sums = e.loop(width, HEAD_BLOCK, [e.const(0.0)] * LANES, columns)
        arranged = [sums[0]] * LANES
        for lane, owner in enumerate(order):
            arranged[owner] = sums[lane]
        e.store(_fold_together(e, arranged), e.at(out, b.mul(index, ir.Constant(I64, 4))))
        return []

    e.loop(count, LANES, [], block)


@kernel("pi", returns="f")
def softmax(e: Emitter, scores, count):
    """scores = exp(scores - max), over a whole number of vectors (pad with -inf); gives their sum."""
    b = e.b

    def where(index):
        return e.at(scores, b.mul(index, ir.Constant(I64, 4)))

    def largest(index, best):
        value = e.load_lanes(where(index))
        return [b.select(b.fcmp_ordered(">", value, best[0]), value, best[0])]

    (best,) = e.loop(count, LANES, [e.const(float("-inf"))], largest)
    top = e.splat(e.reduce(best, lambda left, right: b.select(b.fcmp_ordered(">", left, right), left, right)))

    def exponent(index, sums):
        value = e.exp(b.fsub(e.load_lanes(where(index)), top))
        e.store(value, where(index))
        return [b.fadd(sums[0], value)]

    (sums,) = e.loop(count, LANES, [e.const(0.0)], exponent)
    return e.reduce(sums, b.fadd)


@kernel("ppppiiif")
def mix(e: Emitter, weights, values, slots, out, slot_bytes, width, count, total):
    """out = sum over j < count, in order, of weights[j] * values[slots[j]], divided by `total`."""
    b = e.b
    factor = e.splat(b.fdiv(ir.Constant(F32, 1.0), total))

    def columns(column, _):
        offset = b.mul(column, ir.Constant(I64, 4))
        here = e.at(values, offset)

        def step(index, sums):
            slot = e.load(e.at(slots, b.mul(index, ir.Constant(I64, 8))), I64, 8)
            row = e.at(here, b.mul(slot, slot_bytes))
            weight = e.splat(e.load(e.at(weights, b.mul(index, ir.Constant(I64, 4))), F32))
            return [e.fma(weight, e.load_lanes(e.at(row, 4 * LANES * i)), part) for i, part in enumerate(sums)]

        for i, part in enumerate(e.loop(count, 1, [e.const(0.0)] * _BLOCK_LANES, step)):
            e.store(b.fmul(part, factor), e.at(e.at(out, offset), 4 * LANES * i))
        return []

    e.loop(width, HEAD_BLOCK, [], columns)


__all__ = ["mix", "score", "softmax"]
