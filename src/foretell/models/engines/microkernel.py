"""The inner loops of the CPU forward as explicit vector code. Every sum has one fixed order per (row, output).

Weights come in panels of `PANEL` outputs: int8 as [k / 2][PANEL][2] (pairs of neighbouring inputs, as multiply-add
instructions want them), float32 as [k][PANEL]. All widths are padded with zeros to multiples of `PANEL`.
"""

from __future__ import annotations

from llvmlite import ir

from foretell.models.engines.lanes import F32, I8, I16, I32, I64, ISA, LANES, Emitter, by_number, kernel, vector
from foretell.models.engines.packing import PANEL

#: Most rows that one pass over a panel serves: what fits the registers.
MAX_ROWS = {"avx512": 8, "avx2": 6, "generic": 4}[ISA]
_MOST_SUMS = 16 if ISA == "avx512" else 8  # vectors of sums for which a panel is read in its full width
#: How far ahead of use weights are fetched, in bytes: beyond the latency of memory also where 8 rows keep the processor busy.
PREFETCH = 4096


def _multiply_add(e: Emitter, left: ir.Value, right: ir.Value, total: ir.Value) -> ir.Value:
    """int16 pairs times int16 pairs added to int32: one instruction where there is one (pmaddwd, vpdpwssd)."""
    b = e.b
    if ISA == "avx512":
        return b.add(total, e.call("llvm.x86.avx512.pmaddw.d.512", total.type, left, right))
    if ISA == "avx2":
        return b.add(total, e.call("llvm.x86.avx2.pmadd.wd", total.type, left, right))
    wide = vector(I32, 2 * LANES)
    product = b.mul(b.sext(left, wide), b.sext(right, wide))
    even, odd = (e.shuffle(product, product, range(start, 2 * LANES, 2)) for start in (0, 1))
    return b.add(total, b.add(even, odd))


def _dot(e: Emitter, args: tuple[ir.Value, ...], rows: int, *, int8: bool) -> None:
    """out[r][o] for `rows` rows and one panel. int8: x int16, times the row's scale; otherwise plain float32."""
    w, x, x_scale, out, k, ahead, ahead_step = args
    b = e.b
    vectors = PANEL // LANES
    width = vectors if rows * vectors <= _MOST_SUMS else vectors // 2
    # int8 sums are exact, so two sets of sums may share the work of hiding latency; float32 keeps one order
    sets = 2 if int8 and rows * width <= 4 else 1
    unroll = 4 if rows <= 2 else 2 if rows <= 4 else 1
    steps = b.ashr(k, ir.Constant(I64, 1)) if int8 else k
    stride = b.mul(k, ir.Constant(I64, 2 if int8 else 4))
    row_at = [e.at(x, b.mul(stride, ir.Constant(I64, r))) for r in range(rows)]
    line = PANEL * (2 if int8 else 4)  # bytes of one step of the panel
    zero = ir.Constant(vector(I32 if int8 else F32), None)
    for first in range(0, vectors, width):

        def body(index: ir.Value, sums: list[ir.Value], first: int = first) -> list[ir.Value]:
            here = e.at(w, b.mul(index, ir.Constant(I64, line)))
            x_here = [e.at(pointer, b.mul(index, ir.Constant(I64, 4))) for pointer in row_at]
            far_here = e.at(ahead, b.mul(index, ahead_step))
            for u in range(unroll):
                if first == 0:
                    for far in range(0, line, 64):
                        e.prefetch(e.at(far_here, far))
                    far_here = e.at(far_here, ahead_step)
                weights = []
                for v in range(first, first + width):
                    at = e.at(here, u * line + v * line // vectors)
                    pairs = vector(I16, 2 * LANES)
                    weights.append(b.sext(e.load(at, vector(I8, 2 * LANES), align=1), pairs) if int8 else e.load_lanes(at))
                for r in range(rows):
                    value = e.splat(e.load(e.at(x_here[r], 4 * u), I32 if int8 else F32))
                    for v, weight in enumerate(weights):
                        slot = ((u % sets) * rows + r) * width + v
                        if int8:
                            sums[slot] = _multiply_add(e, weight, b.bitcast(value, weight.type), sums[slot])
                        else:
                            sums[slot] = e.fma(weight, value, sums[slot])
            return sums

        sums = e.loop(steps, unroll, [zero] * (rows * width * sets), body)
        for r in range(rows):
            for v in range(width):
                value = sums[r * width + v]
                if int8:
                    if sets == 2:
                        value = b.add(value, sums[(rows + r) * width + v])
                    scale = e.splat(e.load(e.at(x_scale, 4 * r), F32))
                    value = b.fmul(b.sitofp(value, vector(F32)), scale)
                e.store(value, e.at(out, 4 * (r * PANEL + (first + v) * LANES)))


@kernel("ippppipi")
def dot_int8(e: Emitter, rows, w, x, x_scale, out, k, ahead, ahead_step):
    """out[r][o] = x_scale[r] * sum over k of w[k][o] * x[r][k], exact integer sums.

    Meanwhile fetches weights for later into the cache: from `ahead` on, `ahead_step` bytes per step through the panel.
    """
    by_number(e, rows, MAX_ROWS, "ppppipi", "dot_int8", lambda *a: _dot(*a, int8=True), (w, x, x_scale, out, k, ahead, ahead_step))


@kernel("ippppipi")
def dot_fp32(e: Emitter, rows, w, x, x_scale, out, k, ahead, ahead_step):
    """out[r][o] = sum over k, in order, of w[k][o] * x[r][k]; x_scale is not read."""
    by_number(e, rows, MAX_ROWS, "ppppipi", "dot_fp32", lambda *a: _dot(*a, int8=False), (w, x, x_scale, out, k, ahead, ahead_step))


def _outputs(e: Emitter, sums: ir.Value, row: ir.Value, scale: ir.Value, bias: ir.Value, column: int) -> ir.Value:
    """Lanes of outputs from column `column` of the panel on: sums * scale + bias."""
    at = e.at(sums, e.b.mul(row, ir.Constant(I64, 4 * PANEL)))
    scaled = e.b.fmul(e.load_lanes(e.at(at, 4 * column)), e.load_lanes(e.at(scale, 4 * column)))
    return e.b.fadd(scaled, e.load_lanes(e.at(bias, 4 * column)))


@kernel("ippppi")
def finish_store(e: Emitter, rows, sums, scale, bias, out, out_stride):
    """out[r] = sums[r] * scale + bias; `out_stride` in bytes."""

    def body(row, _):
        for column in range(0, PANEL, LANES):
            e.store(_outputs(e, sums, row, scale, bias, column), e.at(e.at(out, e.b.mul(row, out_stride)), 4 * column))
        return []

    e.loop(rows, 1, [], body)


@kernel("ippppi")
def finish_add(e: Emitter, rows, sums, scale, bias, out, out_stride):
    """out[r] += sums[r] * scale + bias."""

    def body(row, _):
        for column in range(0, PANEL, LANES):
            at = e.at(e.at(out, e.b.mul(row, out_stride)), 4 * column)
            e.store(e.b.fadd(e.load_lanes(at), _outputs(e, sums, row, scale, bias, column)), at)
        return []

    e.loop(rows, 1, [], body)


@kernel("ippppi")
def finish_swiglu(e: Emitter, rows, sums, scale, bias, out, out_stride):
    """out[r] = silu(gate) * up, where the panel is PANEL / 2 gates and then the ups of the same columns."""

    def body(row, _):
        b = e.b
        for column in range(0, PANEL // 2, LANES):
            gate = _outputs(e, sums, row, scale, bias, column)
            up = _outputs(e, sums, row, scale, bias, column + PANEL // 2)
            gate = b.fdiv(gate, b.fadd(e.const(1.0), e.exp(b.fneg(gate))))
            e.store(b.fmul(gate, up), e.at(e.at(out, b.mul(row, out_stride)), 4 * column))
        return []

    e.loop(rows, 1, [], body)


@kernel("pppiff")
def rms_norm(e: Emitter, x, weight, out, k, inverse_width, epsilon):
    """out = weight * x / sqrt(mean(x^2) + epsilon) over one row; `k` is the padded width, padding holds zeros."""
    b = e.b

    def square(index, sums):
        value = e.load_lanes(e.at(x, b.mul(index, ir.Constant(I64, 4))))
        return [e.fma(value, value, sums[0])]

    (sums,) = e.loop(k, LANES, [e.const(0.0)], square)
    mean = b.fmul(e.reduce(sums, b.fadd), inverse_width)
    root = e.call("llvm.sqrt.f32", F32, b.fadd(mean, epsilon))
    factor = e.splat(b.fdiv(ir.Constant(F32, 1.0), root))

    def scale(index, _):
        offset = b.mul(index, ir.Constant(I64, 4))
        value = b.fmul(e.load_lanes(e.at(x, offset)), factor)
        e.store(b.fmul(value, e.load_lanes(e.at(weight, offset))), e.at(out, offset))
        return []

    e.loop(k, LANES, [], scale)


@kernel("pppif")
def quantise(e: Emitter, x, out, out_scale, k, limit):
    """out = int16(round(x * limit / absmax)), out_scale = absmax / limit. A row with NaN or infinity gets scale NaN."""
    b = e.b
    whole = vector(I32)

    def largest(index, best):
        # compared as integers, so that NaN counts as largest
        bits = e.load(e.at(x, b.mul(index, ir.Constant(I64, 4))), whole)
        bits = b.and_(bits, ir.Constant(whole, [0x7FFFFFFF] * LANES))
        return [b.select(b.icmp_signed(">", bits, best[0]), bits, best[0])]

    (best,) = e.loop(k, LANES, [ir.Constant(whole, None)], largest)
    bits = e.reduce(best, lambda left, right: b.select(b.icmp_signed(">", left, right), left, right))
    biggest = b.bitcast(bits, F32)
    finite = b.icmp_signed("<", bits, ir.Constant(I32, 0x7F800000))
    usable = b.and_(finite, b.icmp_signed(">", bits, ir.Constant(I32, 0x0D800000)))  # below 2^-100 counts as zero
    factor = e.splat(b.select(usable, b.fdiv(limit, biggest), ir.Constant(F32, 0.0)))
    scale = b.select(usable, b.fdiv(biggest, limit), ir.Constant(F32, 0.0))
    e.store(b.select(finite, scale, ir.Constant(F32, float("nan"))), out_scale)
    magic = e.const(12582912.0)  # rounds to the nearest integer, which its low bits then hold

    def convert(index, _):
        value = e.load_lanes(e.at(x, b.mul(index, ir.Constant(I64, 4))))
        rounded = b.bitcast(b.fadd(b.fmul(value, factor), magic), whole)
        e.store(b.trunc(rounded, vector(I16)), e.at(out, b.mul(index, ir.Constant(I64, 2))), align=2)
        return []

    e.loop(k, LANES, [], convert)
