"""The exact CPU engine of the Llama family: packed weights, threads, and the call of the compiled forward."""

from __future__ import annotations

import os

import numpy as np
import torch
from torch import Tensor

from foretell.errors import UserError
from foretell.locks import ForkSafeLock
from foretell.models.architecture import Architecture
from foretell.models.base import POST_NORM
from foretell.models.engines.arena import Results, gather, memory
from foretell.models.engines.helpers import Helpers
from foretell.models.engines.kernels import forward
from foretell.models.engines.packing import DTYPES, GROUP, HEAD_BLOCK, pack, padded
from foretell.models.engines.phases import scratch_bytes
from foretell.models.engines.products import ACTIVATION
from foretell.models.engines.program import Program, Widths
from foretell.models.engines.subsets import Subsets
from foretell.models.engines.sync import LINE
from foretell.models.plan import Plan

#: Working arrays in the order of the forward's addresses.
_ROOM = ("scratch", "x", "normed", "ints", "scales", "qkv", "queries", "mixed", "cos", "sin")
#: Rows that the norm or the head takes at a time when it runs alone.
_PIECE = 256
_NONE = np.zeros(0, dtype=np.int64)


class CpuEngine:
    """Runs plans on the CPU in int8 or fp32; rows are bit-identical whatever the batch, the tree or the number of threads.

    packed: what `pack` made of the weights; copied into large pages, so a memory-mapped file will do.
    int8: weights int8 with a scale per output, activations int8 with a scale per row and group of 32 inputs, exact sums of integers.
    num_threads: None takes one per processor this process may use.
    """

    tolerance = 0.0
    dtype = torch.float32
    device = torch.device("cpu")

    def __init__(self, architecture: Architecture, packed: dict[str, Tensor], dtype: str, num_threads: int | None = None) -> None:
        if dtype not in DTYPES:
            raise UserError(f"dtype={dtype!r} must be one of {', '.join(DTYPES)}")
        if num_threads is not None and num_threads < 1:
            raise UserError(f"num_threads={num_threads!r} must be at least 1")
        self.architecture = arch = architecture
        self.name = f"cpu-{dtype}"
        self.num_threads = num_threads or _usable_processors()
        self._int8 = dtype == "int8"
        self._check_type(packed, dtype)
        self._embedding = packed["embedding"].detach().contiguous()
        self._packed = gather({name: tensor for name, tensor in packed.items() if name != "embedding"})
        self._results = Results()
        self._widths = Widths.of(arch)
        self._head_pad = padded(arch.head_dim, HEAD_BLOCK)
        self._room: dict[str, np.ndarray] = {}
        self._at: dict[str, int] = {}
        self._num_positions = 0
        self._rows = 0
        self._program: Program | None = None
        self._subsets = Subsets(self._packed, "head")
        self._helpers = Helpers(self.num_threads - 1)
        self._lock = ForkSafeLock()

    def embed(self, tokens: np.ndarray) -> Tensor:
        """See the `Engine` protocol."""
        return torch.from_numpy(_lookup(self._embedding, tokens))

    def norm(self, states: Tensor) -> Tensor:
        """See the `Engine` protocol; the same bits as in a forward."""
        with self._lock:
            return _join([self._norm(piece) for piece in states.split(_PIECE)])

    def head(self, states: Tensor, tokens: np.ndarray | None) -> Tensor:
        """See the `Engine` protocol; the same bits as in a forward, of some tokens too."""
        with self._lock:
            return _join([self._head(piece, tokens) for piece in states.split(_PIECE)])

    def run(
        self, plan: Plan, store: Tensor, hidden: tuple[int | str, ...], start: int, stop: int
    ) -> tuple[Tensor, dict[int | str, Tensor]]:
        """Run layers start+1..stop of `plan`; see the `Engine` protocol."""
        with self._lock:
            return self._run(plan, store, hidden, start, stop)

    def _run(
        self, plan: Plan, store: Tensor, hidden: tuple[int | str, ...], start: int, stop: int
    ) -> tuple[Tensor, dict[int | str, Tensor]]:
        arch, rows, num_logits = self.architecture, len(plan), len(plan.logit_rows)
        taps = {key: torch.empty(rows, arch.hidden_size) for key in hidden}
        logits = self._results.take(num_logits, self._widths.vocab)
        if rows == 0:
            return logits[:, : arch.vocab_size], taps
        if not store.is_contiguous() or store.dtype != torch.float32:
            raise ValueError(f"store: dtype={store.dtype} must be float32, and contiguous")
        program = self._reserve(rows)
        self._grow_tables(int(plan.positions.max()) + 1)
        self._put(self._inputs(plan))
        steps = program.steps(
            start, stop, store.data_ptr(), store.stride(0) * 4, logits.data_ptr(),
            {key: tap.data_ptr() for key, tap in taps.items() if isinstance(key, int)},
            taps[POST_NORM].data_ptr() if POST_NORM in taps else 0,
        )  # fmt: skip
        longest = int((np.diff(plan.prefix_start)[plan.sequence] + np.diff(plan.tail_start)).max())
        lists = (
            plan.positions, plan.slots, plan.sequence, plan.prefix, plan.prefix_start, plan.tail, plan.tail_start, plan.logit_rows,
        )  # fmt: skip
        self._carry_out(steps, rows, longest, lists, (store, logits, taps))
        return _columns(logits, arch.vocab_size), taps

    def _norm(self, states: Tensor) -> Tensor:
        out = torch.empty(len(states), self.architecture.hidden_size)
        program = self._reserve(len(states))
        self._grow_tables(1)
        self._put(_as_float32(states))
        self._carry_out(program.norm_steps(out.data_ptr()), len(states), 1, (_NONE,) * 8, (out,))
        return out

    def _head(self, states: Tensor, tokens: np.ndarray | None) -> Tensor:
        chosen = None if tokens is None else self._subsets.of(tokens)
        num = self.architecture.vocab_size if tokens is None else len(tokens)
        logits = self._results.take(len(states), padded(num))
        program = self._reserve(len(states))
        self._grow_tables(1)
        self._put(_as_float32(states))
        self._carry_out(program.head_steps(logits.data_ptr(), chosen), len(states), 1, (_NONE,) * 8, (logits, chosen))
        return _columns(logits, num)

    def _inputs(self, plan: Plan) -> np.ndarray:
        """What the first layer to run reads, (N, hidden_size)."""
        if plan.states is None:
            return _lookup(self._embedding, plan.tokens)
        if len(plan.states) == len(plan):
            return _as_float32(plan.states)
        states = _lookup(self._embedding, plan.tokens)
        states[plan.state_rows] = _as_float32(plan.states)
        return states

    def _put(self, states: np.ndarray) -> None:
        """Make `states` (rows, hidden_size) the residual stream."""
        rows, width = len(states), self._widths.hidden
        self._room["x"][: rows * width].reshape(rows, width)[:, : self.architecture.hidden_size] = states

    def _carry_out(self, steps: np.ndarray, rows: int, longest: int, lists: tuple[np.ndarray, ...], alive: tuple) -> None:
        """Run a program over `rows` rows on all threads. longest: list of slots that a row attends to; lists: the plan's arrays from
        `positions` to `logit_rows`, as `forward` takes them; alive: whatever else `steps` holds addresses of."""
        arch = self.architecture
        per_thread = scratch_bytes(self._widths.hidden, self._head_pad, longest)
        self._take("scratch", np.uint8, self.num_threads * per_thread)
        counters = np.zeros((len(steps) + 1) * LINE, dtype=np.uint8)  # new: a late thread may still look at the last call's
        sizes = (
            self.num_threads, int(self._int8), rows, len(lists[-1]), longest, per_thread, arch.hidden_size, self._widths.hidden,
            self._widths.mixed, self._widths.qkv, arch.num_heads, arch.num_kv_heads, arch.head_dim, self._head_pad,
        )  # fmt: skip
        addresses = (_line_start(counters), *(self._at[name] for name in _ROOM))
        args = (steps, sizes, addresses, np.float32(arch.norm_eps), *lists)
        # nobody waits for the others to come, so all that `args` hold addresses of must live as long as they may look there
        self._helpers.offer(forward, args, (counters, dict(self._room), self._packed, alive))
        if forward(0, *args):
            raise RuntimeError(f"a forward pass on {self.num_threads} threads was not done in time; try num_threads=1")

    def _check_type(self, packed: dict[str, Tensor], dtype: str) -> None:
        kind = packed["head.weight"].dtype
        if kind != (torch.uint8 if self._int8 else torch.float32):
            raise ValueError(f"dtype={dtype!r} does not fit packed weights of type {kind}; pack them with the same dtype")

    def _reserve(self, rows: int) -> Program:
        """Make room for the intermediate results of `rows` rows. Padding columns are zero and stay so."""
        if self._program is None or rows > self._rows:
            self._rows = rows = max(rows, min(2 * self._rows, 256))
            widths = self._widths
            widest = max(widths.hidden, widths.mixed, widths.inner)
            for name, kind, width in (
                ("x", np.float32, widths.hidden), ("normed", np.float32, widths.hidden),
                ("ints", np.int8, ACTIVATION * widest), ("scales", np.float32, 2 * widest // GROUP),
                ("qkv", np.float32, widths.qkv), ("queries", np.float32, self.architecture.num_heads * self._head_pad),
                ("mixed", np.float32, widths.mixed), ("inner", np.float32, widths.inner),
            ):  # fmt: skip
                self._take(name, kind, rows * width)
            self._program = Program(self.architecture, self._packed, self._at, self._int8)
        return self._program

    def _take(self, name: str, kind: type, count: int) -> np.ndarray:
        """The working array `name`, zeros when it had to be made anew. It grows by half at least: a text grows by a token a step, and each
        new array is a page fault for every page."""
        held = self._room.get(name)
        if held is None or held.size < count:
            count = max(count, 0 if held is None else held.size + held.size // 2)
            self._room[name] = held = memory(count * np.dtype(kind).itemsize).numpy().view(kind)
            self._at[name] = held.ctypes.data
        return held

    def _grow_tables(self, length: int) -> None:
        """Rotary cosines and sines for positions below `length`, computed as transformers does."""
        if length <= self._num_positions:
            return
        self._num_positions = length = max(length, min(2 * self._num_positions, self.architecture.max_length), 256)
        angles = torch.arange(length, dtype=torch.float32)[:, None] * self.architecture.inv_freq[None, :].float()
        for name, function in (("cos", torch.cos), ("sin", torch.sin)):
            table = (function(angles) * self.architecture.rope_scale).flatten().numpy()
            self._take(name, np.float32, table.size)[: table.size] = table


def _line_start(counters: np.ndarray) -> int:
    """The first address in `counters` that starts a cache line."""
    return counters.ctypes.data + -counters.ctypes.data % LINE


def _lookup(table: Tensor, tokens: np.ndarray) -> np.ndarray:
    """Rows of the embedding table as float32, in numpy: torch would wake its own threads to copy a few rows."""
    if table.dtype == torch.bfloat16:
        bits = table.view(torch.int16).numpy()[tokens].astype(np.uint16).astype(np.uint32) << 16
        return bits.view(np.float32)
    return table.numpy()[tokens].astype(np.float32, copy=False)


def _columns(logits: Tensor, num: int) -> Tensor:
    """The first `num` columns, which the padding follows."""
    return logits if logits.shape[1] == num else logits[:, :num].contiguous()


def _join(pieces: list[Tensor]) -> Tensor:
    return pieces[0] if len(pieces) == 1 else torch.cat(pieces)


def _as_float32(states: Tensor) -> np.ndarray:
    return states.detach().float().cpu().numpy()


def _usable_processors() -> int:
    """Processors this process may use, at most as many as torch thinks sensible."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(allowed, torch.get_num_threads()))


__all__ = ["CpuEngine", "pack"]
