"""Vector code for Numba without a C compiler: a thin layer over llvmlite that emits explicit SIMD loops.

`@kernel` turns a Python function that *emits* code into a Numba intrinsic: one LLVM function per module, called with plain
addresses. Explicit vectors (rather than autovectorised loops) fix the order of every floating-point sum, which is what makes
a row's result independent of how many rows are computed with it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.registry import cpu_target
from numba.extending import intrinsic

I1, I8, I16, I32, I64, F32 = ir.IntType(1), ir.IntType(8), ir.IntType(16), ir.IntType(32), ir.IntType(64), ir.FloatType()
PTR = ir.PointerType()

_TRIPLE, _, _FEATURES = cpu_target.target_context.codegen().magic_tuple()
_HAS = {feature[1:] for feature in _FEATURES.split(",") if feature.startswith("+")}
IS_X86 = _TRIPLE.startswith(("x86_64", "i686", "i386"))
IS_ARM64 = _TRIPLE.startswith(("aarch64", "arm64"))
#: The instruction set the kernels are shaped for.
if IS_X86 and {"avx512f", "avx512bw", "avx512dq", "avx512vl"} <= _HAS:
    ISA = "avx512"
elif IS_X86 and {"avx2", "fma"} <= _HAS:
    ISA = "avx2"
else:
    ISA = "generic"
#: Whether bytes are multiplied by fours and added to int32 in one instruction (vpdpbusd).
HAS_VNNI = (ISA == "avx512" and "avx512vnni" in _HAS) or (ISA == "avx2" and ("avxvnni" in _HAS or {"avx512vnni", "avx512vl"} <= _HAS))
#: float32 lanes of one vector value.
LANES = 16 if ISA == "avx512" else 8
_HAS_FMA = IS_ARM64 or ISA != "generic"

_IR_TYPES = {"p": PTR, "i": I64, "f": F32}
_NUMBA_TYPES = {"p": types.int64, "i": types.int64, "f": types.float32}


def kernel(kinds: str, returns: str = "") -> Callable[[Callable[..., Any]], Any]:
    """Decorator: `emit(e, *args)` becomes an intrinsic. `kinds` has a letter per argument: p address (int64), i int64, f float32.

    The addresses given to one call must not overlap in memory (they are promised to LLVM as noalias).
    """

    def decorate(emit: Callable[..., Any]) -> Any:
        signature = (_NUMBA_TYPES[returns] if returns else types.void)(*(_NUMBA_TYPES[kind] for kind in kinds))

        def lower(context: Any, builder: ir.IRBuilder, sig: Any, args: Sequence[ir.Value]) -> ir.Value:
            function = emit_function(builder.module, emit, kinds, returns)
            result = builder.call(
                function, [builder.inttoptr(arg, PTR) if kind == "p" else arg for kind, arg in zip(kinds, args, strict=True)]
            )
            return result if returns else context.get_dummy_value()

        def define(typingctx: Any, *_args: Any) -> Any:
            return signature, lower

        names = list(inspect.signature(emit).parameters)[1:]
        define.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in ["typingctx", *names]]
        )
        define.__name__, define.__doc__ = emit.__name__, emit.__doc__
        return intrinsic(define)

    return decorate


def emit_function(module: ir.Module, emit: Callable[..., Any], kinds: str, returns: str = "", name: str = "") -> ir.Function:
    """The LLVM function of `emit` in `module`, emitted on first use."""
    name = f"foretell.{name or emit.__name__}"
    if name in module.globals:
        return module.globals[name]
    result = _IR_TYPES[returns] if returns else ir.VoidType()
    function = ir.Function(module, ir.FunctionType(result, [_IR_TYPES[kind] for kind in kinds]), name)
    function.linkage = "internal"
    function.attributes.add("noinline")
    function.attributes.add("nounwind")
    for arg, kind in zip(function.args, kinds, strict=True):
        if kind == "p":
            arg.add_attribute("noalias")
    emitter = Emitter(ir.IRBuilder(function.append_basic_block("entry")))
    value = emit(emitter, *function.args)
    if returns:
        emitter.b.ret(value)
    else:
        emitter.b.ret_void()
    return function


def by_number(e: Emitter, number: ir.Value, most: int, kinds: str, name: str, emit: Callable[..., Any], args: tuple[ir.Value, ...]) -> None:
    """Call the variant of a kernel that is made for `number` (1 to `most`) rows or heads: `emit(e, args, number)`."""
    b = e.b
    end = b.append_basic_block("end")
    switch = b.switch(number, end)
    for case in range(1, most + 1):
        block = b.append_basic_block()
        switch.add_case(ir.Constant(I64, case), block)
        b.position_at_end(block)

        def variant(inner: Emitter, *inner_args: ir.Value, case: int = case) -> None:
            emit(inner, inner_args, case)

        b.call(emit_function(b.module, variant, kinds, name=f"{name}_{case}"), args)
        b.branch(end)
    b.position_at_end(end)


class Emitter:
    """Emits loops, vector loads and the few arithmetic idioms that the kernels share."""

    def __init__(self, builder: ir.IRBuilder) -> None:
        self.b = builder

    def at(self, pointer: ir.Value, offset: ir.Value | int) -> ir.Value:
        """`pointer` moved by `offset` bytes."""
        offset = ir.Constant(I64, offset) if isinstance(offset, int) else offset
        return self.b.gep(pointer, [offset], source_etype=I8)

    def load(self, pointer: ir.Value, kind: ir.Type, align: int = 4) -> ir.Value:
        """The value of type `kind` at `pointer`."""
        return self.b.load(pointer, typ=kind, align=align)

    def load_lanes(self, pointer: ir.Value) -> ir.Value:
        """The LANES float32 values at `pointer`."""
        return self.load(pointer, vector(F32))

    def store(self, value: ir.Value, pointer: ir.Value, align: int = 4) -> None:
        """Write `value` at `pointer`."""
        self.b.store(value, pointer, align=align)

    def splat(self, scalar: ir.Value, lanes: int = LANES) -> ir.Value:
        """A vector whose lanes all hold `scalar`."""
        kind = ir.VectorType(scalar.type, lanes)
        first = self.b.insert_element(ir.Constant(kind, ir.Undefined), scalar, ir.Constant(I32, 0))
        return self.shuffle(first, first, [0] * lanes)

    def const(self, value: float, lanes: int = LANES) -> ir.Constant:
        """A constant float32 vector whose lanes all hold `value`."""
        return ir.Constant(ir.VectorType(F32, lanes), [value] * lanes)

    def shuffle(self, left: ir.Value, right: ir.Value, mask: Sequence[int]) -> ir.Value:
        """Lanes of two vectors by number: those of `right` are counted on from those of `left`."""
        return self.b.shuffle_vector(left, right, ir.Constant(ir.VectorType(I32, len(mask)), list(mask)))

    def fma(self, left: ir.Value, right: ir.Value, total: ir.Value) -> ir.Value:
        """left * right + total: always fused where the processor can, never where it cannot (so one order of rounding)."""
        if _HAS_FMA:
            return self.call(f"llvm.fma.v{total.type.count}f32", total.type, left, right, total)
        return self.b.fadd(self.b.fmul(left, right), total)

    def call(self, name: str, result: ir.Type, *args: ir.Value) -> ir.Value:
        """Call an LLVM intrinsic by its full name."""
        module = self.b.module
        function = module.globals.get(name) or ir.Function(module, ir.FunctionType(result, [arg.type for arg in args]), name)
        return self.b.call(function, args)

    def prefetch(self, pointer: ir.Value) -> None:
        """Start fetching the cache line at `pointer`, which may lie anywhere."""
        self.call("llvm.prefetch.p0", ir.VoidType(), pointer, *(ir.Constant(I32, flag) for flag in (0, 2, 1)))

    def loop(
        self, count: ir.Value, step: int, carried: Sequence[ir.Value], body: Callable[[ir.Value, list[ir.Value]], Sequence[ir.Value]]
    ) -> list[ir.Value]:
        """for i in range(0, count, step): carried = body(i, carried); gives the last `carried`."""
        b = self.b
        before = b.block
        head, end = b.append_basic_block("loop"), b.append_basic_block("end")
        zero = ir.Constant(I64, 0)
        b.cbranch(b.icmp_signed(">", count, zero), head, end)
        b.position_at_end(head)
        index = b.phi(I64)
        values = [b.phi(value.type) for value in carried]
        new = body(index, list(values))
        following = b.add(index, ir.Constant(I64, step))
        last = b.block
        for phi, first, again in zip([index, *values], [zero, *carried], [following, *new], strict=True):
            phi.add_incoming(first, before)
            phi.add_incoming(again, last)
        b.cbranch(b.icmp_signed("<", following, count), head, end)
        b.position_at_end(end)
        results = []
        for first, again in zip(carried, new, strict=True):
            phi = b.phi(first.type)
            phi.add_incoming(first, before)
            phi.add_incoming(again, last)
            results.append(phi)
        return results

    def reduce(self, value: ir.Value, combine: Callable[[ir.Value, ir.Value], ir.Value]) -> ir.Value:
        """Fold the lanes of one vector pairwise, halves first (a fixed tree)."""
        lanes = value.type.count
        while lanes > 1:
            lanes //= 2
            low = self.shuffle(value, value, range(lanes))
            value = combine(low, self.shuffle(value, value, range(lanes, 2 * lanes)))
        return self.b.extract_element(value, ir.Constant(I32, 0))

    def exp(self, x: ir.Value) -> ir.Value:
        """exp of a float32 vector to about 1 ulp; 0 below -87; NaN stays NaN (no float is ever converted to an integer)."""
        b, lanes = self.b, x.type.count
        low, high = self.const(-87.0, lanes), self.const(88.5, lanes)
        tiny = b.fcmp_ordered("<", x, low)
        x = b.select(tiny, low, x)
        x = b.select(b.fcmp_ordered(">", x, high), high, x)
        magic = self.const(12582912.0, lanes)  # 1.5 * 2^23: adding it leaves the rounded integer in the low bits
        shifted = self.fma(x, self.const(1.4426950408889634, lanes), magic)
        n = b.fsub(shifted, magic)
        r = self.fma(n, self.const(-0.693359375, lanes), x)
        r = self.fma(n, self.const(2.12194440e-4, lanes), r)
        p = self.const(1.9875691500e-4, lanes)
        for c in (1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1):
            p = self.fma(p, r, self.const(c, lanes))
        p = b.fadd(self.fma(p, b.fmul(r, r), r), self.const(1.0, lanes))
        whole = ir.VectorType(I32, lanes)
        bits = b.shl(b.bitcast(shifted, whole), ir.Constant(whole, [23] * lanes))
        scaled = b.bitcast(b.add(b.bitcast(p, whole), bits), x.type)
        # adding to the exponent bits may turn a NaN into a number: put NaN inputs back
        scaled = b.select(b.fcmp_unordered("uno", x, x), x, scaled)
        return b.select(tiny, self.const(0.0, lanes), scaled)


def vector(kind: ir.Type, lanes: int = LANES) -> ir.VectorType:
    """The vector type of `lanes` values of type `kind`."""
    return ir.VectorType(kind, lanes)
