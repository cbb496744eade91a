"""One panel of a linear layer times a few rows, as explicit vector code. Every sum has one fixed order per (row, output).

Weights come in panels of `PANEL` outputs: bytes (the integer + 128) as [k / 4][PANEL][4], float32 as [k][PANEL]. All widths are
padded with zeros to multiples of `PANEL`. Where the processor multiplies bytes by fours (VNNI) activations are bytes, elsewhere
16-bit integers of the same value: the same sums, in twice the instructions.
"""

from __future__ import annotations

from functools import reduce

import llvmlite.binding
from llvmlite import ir

from foretell.models.engines.lanes import F32, HAS_VNNI, I8, I16, I32, I64, ISA, LANES, Emitter, by_number, kernel, vector
from foretell.models.engines.packing import GROUP, PANEL

#: Bytes of one quantised activation.
ACTIVATION = 1 if HAS_VNNI else 2
#: Most rows that one pass over a panel serves: what fits the registers.
MAX_ROWS_INT8 = {"avx512": 10, "avx2": 6 if HAS_VNNI else 4, "generic": 4}[ISA]
MAX_ROWS_FP32 = {"avx512": 8, "avx2": 6, "generic": 4}[ISA]
MAX_ROWS = max(MAX_ROWS_INT8, MAX_ROWS_FP32)
#: Vectors of sums that a pass keeps in registers.
_MOST_SUMS = {"avx512": 24, "avx2": 12, "generic": 8}[ISA]
_VECTORS = PANEL // LANES
#: How far ahead of use weights are fetched, in bytes: beyond the latency of memory also where 8 rows keep the processor busy.
PREFETCH = 8192


def _prefetch(e: Emitter, ahead: ir.Value, step: ir.Value, line: int) -> ir.Value:
    """Fetch the next `line` bytes; gives where to go on."""
    for far in range(0, line, 64):
        e.prefetch(e.at(ahead, far))
    return e.at(ahead, step)


def _add_fours(e: Emitter, weights: ir.Value, x: ir.Value, sums: list[ir.Value]) -> list[ir.Value]:
    """Add the products of four inputs with LANES outputs to `sums`: one vector of sums with VNNI, else two of half sums."""
    b = e.b
    if HAS_VNNI:
        # from LLVM 22 on, the instruction's operands are vectors of bytes
        bytes_ = vector(I8, 4 * LANES) if llvmlite.binding.llvm_version_info[0] >= 22 else vector(I32)
        name = f"llvm.x86.avx512.vpdpbusd.{32 * LANES}"
        return [e.call(name, sums[0].type, sums[0], b.bitcast(weights, bytes_), b.bitcast(x, bytes_))]
    pairs = vector(I16, 2 * LANES)
    x = b.bitcast(x, pairs)
    halves = [e.shuffle(weights, weights, range(start, start + 2 * LANES)) for start in (0, 2 * LANES)]
    return [_add_pairs(e, b.zext(half, pairs), x, total) for half, total in zip(halves, sums, strict=True)]


def _add_pairs(e: Emitter, left: ir.Value, right: ir.Value, total: ir.Value) -> ir.Value:
    """int16 pairs times int16 pairs added to int32: one instruction where there is one (pmaddwd)."""
    b = e.b
    if ISA != "generic":
        name = "llvm.x86.avx512.pmaddw.d.512" if ISA == "avx512" else "llvm.x86.avx2.pmadd.wd"
        return b.add(total, e.call(name, total.type, left, right))
    wide = vector(I32, 2 * LANES)
    product = b.mul(b.sext(left, wide), b.sext(right, wide))
    even, odd = (e.shuffle(product, product, range(start, 2 * LANES, 2)) for start in (0, 1))
    return b.add(total, b.add(even, odd))


def _join(e: Emitter, sums: list[ir.Value]) -> ir.Value:
    """One sum an output, from two vectors of half sums."""
    low, high = sums
    even, odd = (e.shuffle(low, high, range(start, 2 * LANES, 2)) for start in (0, 1))
    return e.b.add(even, odd)


def _dot_int8(e: Emitter, args: tuple[ir.Value, ...], rows: int) -> None:
    w, x, scales, out, k, ahead, ahead_step = args
    b = e.b
    width = max(1, min(_VECTORS, _MOST_SUMS // (rows if HAS_VNNI else 2 * rows)))
    line = 4 * PANEL  # bytes of four steps of the panel
    groups = b.sdiv(k, ir.Constant(I64, GROUP))
    row_at = [e.at(x, b.mul(k, ir.Constant(I64, ACTIVATION * r))) for r in range(rows)]
    scales_at = [e.at(scales, b.mul(groups, ir.Constant(I64, 8 * r))) for r in range(rows)]
    zero, nothing = (ir.Constant(vector(kind), None) for kind in (F32, I32))
    # totals stay in memory: the registers are for the sums of a group
    total_at = [[e.at(out, 4 * (r * PANEL + v * LANES)) for v in range(_VECTORS)] for r in range(rows)]
    for pointers in total_at:
        for pointer in pointers:
            e.store(zero, pointer)
    for first in range(0, _VECTORS, width):
        columns = range(first, min(first + width, _VECTORS))

        def body(group: ir.Value, _: list[ir.Value], columns: range = columns) -> list[ir.Value]:
            here = e.at(w, b.mul(group, ir.Constant(I64, GROUP * PANEL)))
            x_here = [e.at(row, b.mul(group, ir.Constant(I64, GROUP * ACTIVATION))) for row in row_at]
            scale_here = [e.at(row, b.mul(group, ir.Constant(I64, 8))) for row in scales_at]
            far = e.at(ahead, b.mul(b.mul(group, ir.Constant(I64, GROUP // 4)), ahead_step))
            offsets = [e.splat(e.load(e.at(row, 4), I32)) for row in scale_here]
            sums = [[[offset] if HAS_VNNI else [nothing, nothing] for _ in columns] for offset in offsets]
            for four in range(GROUP // 4):
                if columns.start == 0:
                    far = _prefetch(e, far, ahead_step, line)
                weights = [e.load(e.at(here, four * line + 4 * LANES * v), vector(I8, 4 * LANES), align=1) for v in columns]
                for r in range(rows):
                    value = e.load(e.at(x_here[r], 4 * ACTIVATION * four), I32 if HAS_VNNI else I64)
                    value = e.splat(value, LANES if HAS_VNNI else LANES // 2)
                    sums[r] = [_add_fours(e, weight, value, parts) for weight, parts in zip(weights, sums[r], strict=True)]
            for r in range(rows):
                scale = e.splat(e.load(scale_here[r], F32))
                for v, parts in zip(columns, sums[r], strict=True):
                    whole = parts[0] if HAS_VNNI else b.add(_join(e, parts), offsets[r])
                    e.store(e.fma(b.sitofp(whole, vector(F32)), scale, e.load_lanes(total_at[r][v])), total_at[r][v])
            return []

        e.loop(groups, 1, [], body)


def _dot_fp32(e: Emitter, args: tuple[ir.Value, ...], rows: int) -> None:
    w, x, _, out, k, ahead, ahead_step = args
    b = e.b
    width = max(1, min(_VECTORS, _MOST_SUMS // rows))
    unroll = 4 if rows <= 2 else 2 if rows <= 4 else 1
    row_at = [e.at(x, b.mul(k, ir.Constant(I64, 4 * r))) for r in range(rows)]
    line = 4 * PANEL  # bytes of one step of the panel
    zero = ir.Constant(vector(F32), None)
    for first in range(0, _VECTORS, width):
        columns = range(first, min(first + width, _VECTORS))  # the last ones may be fewer: beyond the panel lies the next row

        def body(index: ir.Value, sums: list[ir.Value], columns: range = columns) -> list[ir.Value]:
            here = e.at(w, b.mul(index, ir.Constant(I64, line)))
            x_here = [e.at(row, b.mul(index, ir.Constant(I64, 4))) for row in row_at]
            far = e.at(ahead, b.mul(index, ahead_step))
            for u in range(unroll):
                if columns.start == 0:
                    far = _prefetch(e, far, ahead_step, line)
                weights = [e.load_lanes(e.at(here, u * line + 4 * LANES * v)) for v in columns]
                for r in range(rows):
                    value = e.splat(e.load(e.at(x_here[r], 4 * u), F32))
                    for v, weight in enumerate(weights):
                        place = r * len(columns) + v
                        sums[place] = e.fma(weight, value, sums[place])
            return sums

        for place, total in enumerate(e.loop(k, unroll, [zero] * (rows * len(columns)), body)):
            r, v = divmod(place, len(columns))
            e.store(total, e.at(out, 4 * (r * PANEL + (first + v) * LANES)))


@kernel("ippppipi")
def dot_int8(e: Emitter, rows, w, x, scales, out, k, ahead, ahead_step):
    """out[r][o] = sum over groups g, in order, of scale[r][g] * (sum over k in g of w[k][o] * x[r][k]); inner sums are exact.

    scales: for each row and group of `GROUP` inputs a float32 and an int32, the group's scale and -128 times the sum of its x,
    which takes the 128 out again that is in every byte of the weights.
    Meanwhile fetches weights for later into the cache: from `ahead` on, `ahead_step` bytes per four steps through the panel.
    """
    by_number(e, rows, MAX_ROWS_INT8, "ppppipi", "dot_int8", _dot_int8, (w, x, scales, out, k, ahead, ahead_step))


@kernel("ippppipi")
def dot_fp32(e: Emitter, rows, w, x, scales, out, k, ahead, ahead_step):
    """out[r][o] = sum over k, in order, of w[k][o] * x[r][k]; scales are not read."""
    by_number(e, rows, MAX_ROWS_FP32, "ppppipi", "dot_fp32", _dot_fp32, (w, x, scales, out, k, ahead, ahead_step))


@kernel("pppi")
def quantise(e: Emitter, x, out, scales, k):
    """Per group: out = round(x * 127 / absmax), with absmax / 127 and -128 * sum(out) to `scales`. NaN or infinity: scale NaN."""
    b = e.b
    whole, vectors = vector(I32), GROUP // LANES
    magic = e.const(12582912.0)  # rounds to the nearest integer, which its low bits then hold
    zero, limit = ir.Constant(F32, 0.0), ir.Constant(F32, 127.0)

    def larger(left: ir.Value, right: ir.Value) -> ir.Value:
        return b.select(b.icmp_signed(">", left, right), left, right)

    def body(group, _):
        offset = b.mul(group, ir.Constant(I64, GROUP))
        here = e.at(x, b.mul(offset, ir.Constant(I64, 4)))
        values = [e.load_lanes(e.at(here, 4 * LANES * v)) for v in range(vectors)]
        # compared as integers, so that NaN counts as largest
        sizes = [b.and_(b.bitcast(value, whole), ir.Constant(whole, [0x7FFFFFFF] * LANES)) for value in values]
        bits = e.reduce(reduce(larger, sizes), larger)
        biggest = b.bitcast(bits, F32)
        finite = b.icmp_signed("<", bits, ir.Constant(I32, 0x7F800000))
        usable = b.and_(finite, b.icmp_signed(">", bits, ir.Constant(I32, 0x0D800000)))  # below 2^-100 counts as zero
        factor = e.splat(b.select(usable, b.fdiv(limit, biggest), zero))
        scale = b.select(usable, b.fdiv(biggest, limit), zero)
        rounded = [b.bitcast(b.fadd(b.fmul(value, factor), magic), whole) for value in values]
        # the low bits of what `magic` holds are the integer; its bits above are the same in every lane
        ints = [b.sub(value, ir.Constant(whole, [0x4B400000] * LANES)) for value in rounded]
        total = e.reduce(reduce(b.add, ints), b.add)
        at = e.at(scales, b.mul(group, ir.Constant(I64, 8)))
        e.store(b.select(finite, scale, ir.Constant(F32, float("nan"))), at)
        e.store(b.mul(total, ir.Constant(I32, -128)), e.at(at, 4))
        kind = I8 if ACTIVATION == 1 else I16
        there = e.at(out, b.mul(offset, ir.Constant(I64, ACTIVATION)))
        for v, value in enumerate(ints):
            e.store(b.trunc(value, vector(kind)), e.at(there, ACTIVATION * LANES * v), align=ACTIVATION)
        return []

    e.loop(b.sdiv(k, ir.Constant(I64, GROUP)), 1, [], body)
