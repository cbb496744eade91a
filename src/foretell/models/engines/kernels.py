"""The whole forward as one compiled function that every thread runs: it carries out a list of steps, and begins one
when all the work of the step before is done. No Python runs between the embedding and the logits.

The steps are rows of integers (see `program`), sizes and addresses plain integers too, so that one compilation serves every model,
both weight types and every batch. Each phase is called in one place only: what is inlined twice is compiled twice.
"""

from __future__ import annotations

import numpy as np

from foretell.models.engines.compiled import njit
from foretell.models.engines.packing import PANEL
from foretell.models.engines.phases import attend, linear, norm_rows, quantise_rows, rotate_rows, tap_rows
from foretell.models.engines.products import MAX_ROWS
from foretell.models.engines.program import ATTEND, LINEAR, NORM, QUANTISE, ROTATE
from foretell.models.engines.sync import LINE, finished
from foretell.models.source_key import source_key


def _cached(build: int):
    """The compiled function, with `build` in its closure (see `source_key`)."""

    @njit(nogil=True, cache=True)
    def forward(thread, program, sizes, addresses, epsilon, positions, slots, sequence, prefix, prefix_start, tail, tail_start, logit_rows):
        (
            threads, int8, rows, num_logits, longest, per_thread, hidden, hidden_pad, mixed_pad, qkv_pad, heads, kv_heads, head,
            head_pad,
        ) = sizes  # fmt: skip
        counter, scratch, x, normed, ints, scales, qkv, queries, mixed, cos, sin = addresses
        sums = scratch + thread * per_thread
        row_scratch = sums + MAX_ROWS * PANEL * 4
        lists = row_scratch + max(hidden_pad, 2 * head_pad) * 4
        every = np.empty(0, dtype=np.int64)
        for number in range(len(program) if build else 0):
            kind, a, b, c, d, e, f, g, h, i = program[number]
            if kind == LINEAR:
                count, source = num_logits if i else rows, ints if int8 else c
                total = linear(counter, threads, int8, count, a, b, source, scales, d, e, f, sums, g & 3, h, g >> 2)
            elif kind == NORM:
                count, picked = (num_logits, logit_rows) if b else (rows, every)
                total = norm_rows(counter, int8, count, picked, x, a, hidden, hidden_pad, epsilon, normed, ints, scales, row_scratch)
            elif kind == QUANTISE:
                total = quantise_rows(counter, rows, a, b, ints, scales)
            elif kind == ROTATE:
                total = rotate_rows(
                    counter, rows, heads, kv_heads, head, head_pad, qkv_pad, a, b, qkv, queries, c, cos, sin, positions, slots,
                    row_scratch, epsilon,
                )  # fmt: skip
            elif kind == ATTEND:
                total = attend(
                    counter, threads, rows, heads, kv_heads, head, head_pad, mixed_pad, longest, a, queries, b, mixed, lists, prefix,
                    prefix_start, tail, tail_start, sequence,
                )  # fmt: skip
            else:
                total = tap_rows(counter, rows, x, a, hidden, hidden_pad, epsilon, b, row_scratch)
            if not finished(counter, total):
                return True
            counter += LINE
        return False

    return forward


#: Carry out a program; called by each of `threads` threads at once. True when it was given up.
forward = _cached(source_key(__file__, "lanes", "microkernel", "products", "attention", "sync", "packing", "phases", "program"))
