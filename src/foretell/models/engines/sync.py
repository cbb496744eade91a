"""What the threads of one forward share: atomic counters, a wait that gives up, and raw memory access."""

from __future__ import annotations

import sys
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from foretell.models.engines.compiled import njit
from foretell.models.engines.lanes import F32, I32, I64, IS_ARM64, IS_X86, PTR

#: Bytes of one step's counters: how many items were handed out and, a cache line further, how many are done.
LINE, DONE = 128, 64
_SPINS = 64
_YIELDS = 1 << 25  # then something is badly wrong: give up instead of hanging (tens of seconds at least)


def _memory(kind: ir.Type, numba_kind: Any, store: bool = False) -> Any:
    def load_at(typingctx: Any, address: Any, index: Any) -> Any:
        def lower(context: Any, b: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
            return b.load(b.gep(b.inttoptr(args[0], PTR), [args[1]], source_etype=kind), typ=kind)

        return numba_kind(types.int64, types.int64), lower

    def store_at(typingctx: Any, address: Any, index: Any, value: Any) -> Any:
        def lower(context: Any, b: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
            b.store(args[2], b.gep(b.inttoptr(args[0], PTR), [args[1]], source_etype=kind))
            return context.get_dummy_value()

        return types.void(types.int64, types.int64, numba_kind), lower

    return intrinsic(store_at if store else load_at)


load_f32 = _memory(F32, types.float32)
store_f32 = _memory(F32, types.float32, store=True)
load_i64 = _memory(I64, types.int64)
store_i64 = _memory(I64, types.int64, store=True)


def _fetch_add(typingctx, address, value):
    """Atomically add `value` to the int64 at `address`; gives what was there before."""

    def lower(context, b, sig, args):
        return b.atomic_rmw("add", b.inttoptr(args[0], PTR), args[1], "acq_rel")

    return types.int64(types.int64, types.int64), lower


def _load_atomic(typingctx, address):
    """The int64 at `address`, seeing all that happened before it was written."""

    def lower(context, b, sig, args):
        return b.load_atomic(b.inttoptr(args[0], PTR), "acquire", 8, typ=I64)

    return types.int64(types.int64), lower


def _relax(typingctx):
    """Tell the processor that this is a spin loop."""

    def lower(context, b, sig, args):
        module = b.module
        if IS_X86:
            name, kinds, values = "llvm.x86.sse2.pause", [], []
        elif IS_ARM64:
            name, kinds, values = "llvm.aarch64.hint", [I32], [ir.Constant(I32, 1)]
        else:
            return context.get_dummy_value()
        function = module.globals.get(name) or ir.Function(module, ir.FunctionType(ir.VoidType(), kinds), name)
        b.call(function, values)
        return context.get_dummy_value()

    return types.void(), lower


fetch_add: Any = intrinsic(_fetch_add)
load_atomic: Any = intrinsic(_load_atomic)
relax: Any = intrinsic(_relax)
#: Let another thread run, where more threads want to than there are processors.
_yield = types.ExternalFunction("SwitchToThread" if sys.platform == "win32" else "sched_yield", types.int32())


@njit(nogil=True)
def finished(counter, total):
    """Wait until all `total` items of a step are done; False when that takes too long.

    It waits for work, not for threads: one that the system has put aside holds nobody up, unless it has an item in hand.
    """
    spins = 0
    while load_atomic(counter + DONE) < total:
        spins += 1
        if spins < _SPINS:
            relax()
        elif spins < _YIELDS:
            _yield()
        else:
            return False
    return True
