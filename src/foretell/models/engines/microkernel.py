"""What the CPU forward does with the sums of a linear layer, and its norm, as explicit vector code with fixed orders of summation."""

from __future__ import annotations

from llvmlite import ir

from foretell.models.engines.lanes import F32, I64, LANES, Emitter, kernel
from foretell.models.engines.packing import PANEL


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
