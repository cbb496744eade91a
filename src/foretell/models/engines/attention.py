"""Attention of the query heads that share a key head over a list of slots, as explicit vector code.

A score depends on its query and key alone, the softmax sum and the mix of values on the order of the list alone: slot numbers,
tree shape and batch leave no trace in the result. Heads are `HEAD_BLOCK` columns wide or a multiple (padded with zeros).
"""

from __future__ import annotations

from llvmlite import ir

from foretell.models.engines.lanes import F32, I64, ISA, LANES, Emitter, by_number, kernel
from foretell.models.engines.packing import HEAD_BLOCK

_BLOCK_LANES = HEAD_BLOCK // LANES
#: Vectors of one head's output that `mix` sums at a time.
_MIX_LANES = 4
#: Most query heads that one pass over the values serves: what fits the registers.
MIX_HEADS = {"avx512": 4, "avx2": 3, "generic": 2}[ISA]


def _fold_masks(half: int) -> tuple[list[int], list[int]]:
    """The two shuffles whose sum folds two vectors of runs of `2 * half` lanes into one of runs of `half` lanes.

    Runs within 4 lanes stay in their 128 bits, where shuffles are cheap.
    """
    span = LANES if half >= 4 else 4
    first = []
    for start in range(0, LANES, span):
        low = [lane for run in range(start, start + span, 2 * half) for lane in range(run, run + half)]
        first += low + [lane + LANES for lane in low]
    return first, [lane + half for lane in first]


def _fold_order() -> list[int]:
    """Which vector's sum ends in which lane of `_fold_together` (a dry run)."""
    owners = [[i] * LANES for i in range(LANES)]
    half = LANES // 2
    while half:
        count = len(owners) // 2
        owners = [[(owners[i] + owners[i + count])[lane] for lane in _fold_masks(half)[0]] for i in range(count)]
        half //= 2
    return owners[0]


def _fold_together(e: Emitter, vectors: list[ir.Value]) -> ir.Value:
    """One vector whose lane i is the sum of the lanes of vectors[i], by a tree of pairwise folds."""
    row = list(vectors)
    for lane, owner in enumerate(_fold_order()):
        row[owner] = vectors[lane]
    half = LANES // 2
    while half:
        first, second = _fold_masks(half)
        count = len(row) // 2
        row = [e.b.fadd(e.shuffle(row[i], row[i + count], first), e.shuffle(row[i], row[i + count], second)) for i in range(count)]
        half //= 2
    return row[0]


@kernel("ppiii")
def fetch(e: Emitter, rows, slots, slot_bytes, width, count):
    """Start bringing rows[slots[j]] for j < count into the cache: their addresses are too irregular for the processor to guess."""
    b = e.b

    def slot(index, _):
        row = e.at(rows, b.mul(e.load(e.at(slots, b.mul(index, ir.Constant(I64, 8))), I64, 8), slot_bytes))

        def line(column, _):
            e.prefetch(e.at(row, b.mul(column, ir.Constant(I64, 4))))
            return []

        e.loop(width, 16, [], line)
        return []

    e.loop(count, 1, [], slot)


@kernel("ppppiiiii")
def score(e: Emitter, queries, keys, slots, out, slot_bytes, width, count, heads, out_stride):
    """out[h][j] = queries[h] . keys[slots[j]] for j < count, rounded up to whole vectors (`slots` must be that long).

    `out_stride` in bytes.
    """
    b = e.b

    def slot_at(index, i):
        slot = e.load(e.at(slots, b.mul(b.add(index, ir.Constant(I64, i)), ir.Constant(I64, 8))), I64, 8)
        return e.at(keys, b.mul(slot, slot_bytes))

    def block(index, _):
        at = [slot_at(index, i) for i in range(LANES)]

        def head(number, _):
            query = e.at(queries, b.mul(b.mul(number, width), ir.Constant(I64, 4)))

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
            here = e.at(e.at(out, b.mul(number, out_stride)), b.mul(index, ir.Constant(I64, 4)))
            e.store(_fold_together(e, sums), here)
            return []

        e.loop(heads, 1, [], head)
        return []

    e.loop(count, LANES, [], block)


@kernel("pi")
def softmax(e: Emitter, scores, count):
    """scores = softmax(scores), over a whole number of vectors (pad with -inf)."""
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
    factor = e.splat(b.fdiv(ir.Constant(F32, 1.0), e.reduce(sums, b.fadd)))

    def scale(index, _):
        e.store(b.fmul(e.load_lanes(where(index)), factor), where(index))
        return []

    e.loop(count, LANES, [], scale)


def _mix(e: Emitter, args: tuple[ir.Value, ...], heads: int) -> None:
    weights, values, slots, out, slot_bytes, width, count, stride = args
    b = e.b

    def columns(column, _):
        offset = b.mul(column, ir.Constant(I64, 4))
        here = e.at(values, offset)

        def step(index, sums):
            slot = e.load(e.at(slots, b.mul(index, ir.Constant(I64, 8))), I64, 8)
            row = e.at(here, b.mul(slot, slot_bytes))
            parts = []
            for head in range(heads):
                at = e.at(e.at(weights, b.mul(stride, ir.Constant(I64, head))), b.mul(index, ir.Constant(I64, 4)))
                parts.append(e.splat(e.load(at, F32)))
            for i in range(_MIX_LANES):
                value = e.load_lanes(e.at(row, 4 * LANES * i))
                for head, weight in enumerate(parts):
                    sums[head * _MIX_LANES + i] = e.fma(weight, value, sums[head * _MIX_LANES + i])
            return sums

        sums = e.loop(count, 1, [e.const(0.0)] * (heads * _MIX_LANES), step)
        for i, total in enumerate(sums):
            at = e.at(e.at(out, b.mul(width, ir.Constant(I64, 4 * (i // _MIX_LANES)))), offset)
            e.store(total, e.at(at, 4 * LANES * (i % _MIX_LANES)))
        return []

    e.loop(width, LANES * _MIX_LANES, [], columns)


@kernel("ippppiiii")
def mix(e: Emitter, heads, weights, values, slots, out, slot_bytes, width, count, stride):
    """out[h] = sum over j < count, in order, of weights[h][j] * values[slots[j]]; `stride` of weights in bytes."""
    by_number(e, heads, MIX_HEADS, "ppppiiii", "mix", _mix, (weights, values, slots, out, slot_bytes, width, count, stride))
