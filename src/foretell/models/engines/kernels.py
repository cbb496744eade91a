"""The whole forward as one compiled function that every thread runs: each phase's work is handed out by an atomic counter, and
the threads meet between phases. No Python runs between the embedding and the logits.

Sizes and addresses come as tuples of integers (see `forward`) and, per layer, as rows of a table (see `CpuEngine`), so that one
compilation serves every model, both weight types and every batch.
"""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
from numba import njit

from foretell.models.engines.attention import MIX_HEADS, fetch, mix, score, softmax
from foretell.models.engines.lanes import LANES
from foretell.models.engines.microkernel import (
    MAX_ROWS, dot_fp32, dot_int8, finish_add, finish_store, finish_swiglu, quantise, rms_norm,
)  # fmt: skip
from foretell.models.engines.packing import PANEL
from foretell.models.engines.sync import FIRST_COUNTER, LINE, fetch_add, load_f32, load_i64, meet, store_f32, store_i64

STORE, ADD, SWIGLU = 0, 1, 2
#: Meetings (and work counters) of one layer, and of the output head.
PHASES, HEAD_PHASES = 10, 2
_INFINITY = np.float32(np.inf)
_ZERO, _ONE = np.float32(0.0), np.float32(1.0)


@njit(nogil=True)
def _copy(source, out, count):
    for i in range(count):
        store_f32(out, i, load_f32(source, i))


@njit(nogil=True)
def _quantise_rows(counter, rows, source, k, ints, scales, limit):
    """Make float32 rows the input of an int8 layer."""
    while True:
        row = fetch_add(counter, 1)
        if row >= rows:
            break
        quantise(source + row * k * 4, ints + row * k * 2, scales + row * 4, k, limit)


@njit(nogil=True)
def _norm_row(int8, x, weight, width, k, epsilon, normed, ints, scales, row, limit, scratch):
    """Normalise the state at `x` into row `row` of the next linear layer's input."""
    inverse_width = np.float32(1.0) / np.float32(width)
    if int8:
        rms_norm(x, weight, scratch, k, inverse_width, epsilon)
        quantise(scratch, ints + row * k * 2, scales + row * 4, k, limit)
    else:
        rms_norm(x, weight, normed + row * k * 4, k, inverse_width, epsilon)


@njit(nogil=True)
def _norm_rows(counter, int8, rows, x, weight, width, k, epsilon, normed, ints, scales, limit, scratch, tap):
    """Normalise all rows; copies the states to `tap` too, where somebody asked for them."""
    while True:
        row = fetch_add(counter, 1)
        if row >= rows:
            break
        if tap != 0:
            _copy(x + row * k * 4, tap + row * width * 4, width)
        _norm_row(int8, x + row * k * 4, weight, width, k, epsilon, normed, ints, scales, row, limit, scratch)


@njit(nogil=True)
def _linear(counter, threads, int8, rows, k, panels, x, scales, weight, scale, bias, sums, kind, out, out_stride):
    """One linear layer over all rows; panels of outputs are shared among the threads."""
    chunk = max(1, panels // (4 * threads))
    while True:
        first = fetch_add(counter, chunk)
        if first >= panels:
            break
        for panel in range(first, min(first + chunk, panels)):
            panel_scale, panel_bias = scale + panel * PANEL * 4, bias + panel * PANEL * 4
            for row in range(0, rows, MAX_ROWS):
                count = min(MAX_ROWS, rows - row)
                if int8:
                    dot_int8(count, weight + panel * PANEL * k, x + row * k * 2, scales + row * 4, sums, k)
                else:
                    dot_fp32(count, weight + panel * PANEL * k * 4, x + row * k * 4, scales, sums, k)
                here = out + row * out_stride
                if kind == STORE:
                    finish_store(count, sums, panel_scale, panel_bias, here + panel * PANEL * 4, out_stride)
                elif kind == ADD:
                    finish_add(count, sums, panel_scale, panel_bias, here + panel * PANEL * 4, out_stride)
                else:
                    finish_swiglu(count, sums, panel_scale, panel_bias, here + panel * PANEL * 2, out_stride)


@njit(nogil=True)
def _rotate(source, out, norm, scratch, cos, sin, head, head_pad, epsilon, factor):
    """Per-head norm (where the model has one), then rotary embedding, times `factor`."""
    half = head // 2
    if norm != 0:
        _copy(source, scratch, head)
        for i in range(head, head_pad):
            store_f32(scratch, i, _ZERO)
        rms_norm(scratch, norm, scratch + head_pad * 4, head_pad, np.float32(1.0) / np.float32(head), epsilon)
        source = scratch + head_pad * 4
    for i in range(half):
        low, high, c, s = load_f32(source, i), load_f32(source, half + i), load_f32(cos, i), load_f32(sin, i)
        store_f32(out, i, (low * c - high * s) * factor)
        store_f32(out, half + i, (high * c + low * s) * factor)


@njit(nogil=True)
def _list_slots(prefix, prefix_start, tail, tail_start, sequence, row, window, slots):
    """Write the slots that `row` sees, in text order, and repeat the last for two vectors more; gives their number."""
    start, end = prefix_start[sequence], prefix_start[sequence + 1]
    before = end - start
    count = before + tail_start[row + 1] - tail_start[row]
    skip = max(0, count - window) if window > 0 else 0
    written = 0
    for i in range(start + skip, end):
        store_i64(slots, written, prefix[i])
        written += 1
    for i in range(tail_start[row] + max(0, skip - before), tail_start[row + 1]):
        store_i64(slots, written, tail[i])
        written += 1
    for i in range(written, written + 2 * LANES):
        store_i64(slots, i, load_i64(slots, written - 1))
    return written


@njit(nogil=True)
def _stage(source, slots, slot_bytes, count, head, head_pad, out):
    """Copy head columns of the listed slots next to each other, padded (for head widths that no kernel reads directly)."""
    for j in range(count):
        row = source + load_i64(slots, j) * slot_bytes
        _copy(row, out + j * head_pad * 4, head)
        for i in range(head, head_pad):
            store_f32(out + j * head_pad * 4, i, _ZERO)


@njit(nogil=True)
def _attend(counter, sizes, window, queries, store, mixed, scratch, prefix, prefix_start, tail, tail_start, sequence):
    """Attention of every (row, head); `scratch` holds slots, scores, one output and room for staged keys and values."""
    threads, _, rows, _, _, mixed_pad, _, _, heads, kv_heads, head, head_pad, _, _, _, longest, _, _ = sizes
    slot_bytes = 2 * kv_heads * head * 4
    room = longest + 2 * LANES
    slots = scratch
    scores = slots + room * 8
    result = scores + MIX_HEADS * room * 4
    staged_keys = result + MIX_HEADS * head_pad * 4
    staged_values = staged_keys + room * head_pad * 4
    plain = staged_values + room * head_pad * 4
    if head != head_pad:
        for i in range(room):
            store_i64(plain, i, i)
    group = heads // kv_heads
    # heads that share keys go together, unless that leaves threads without work
    share = min(group, MIX_HEADS) if rows * kv_heads >= threads else 1
    parts = (group + share - 1) // share
    listed, count, fetched = -1, 0, -1
    while True:
        task = fetch_add(counter, 1)
        if task >= rows * kv_heads * parts:
            break
        kv_head, row, part = task // (rows * parts), task // parts % rows, task % parts
        first = kv_head * group + part * share
        together = min(share, group - part * share)
        if row != listed:
            count = _list_slots(prefix, prefix_start, tail, tail_start, sequence[row], row, window, slots)
            listed = row
        keys = store + kv_head * head * 4
        values = keys + kv_heads * head * 4
        if kv_head != fetched:
            fetch(keys, slots, slot_bytes, head, count)
            fetch(values, slots, slot_bytes, head, count)
            fetched = kv_head
        where, step = slots, slot_bytes
        if head != head_pad:
            _stage(keys, slots, slot_bytes, count, head, head_pad, staged_keys)
            _stage(values, slots, slot_bytes, count, head, head_pad, staged_values)
            keys, values, where, step = staged_keys, staged_values, plain, head_pad * 4
        score(queries + (row * heads + first) * head_pad * 4, keys, where, scores, step, head_pad, count, together, room * 4)
        padded = (count + LANES - 1) // LANES * LANES
        for i in range(together):
            here = scores + i * room * 4
            for j in range(count, padded):
                store_f32(here, j, -_INFINITY)
            softmax(here, padded)
        mix(together, scores, values, where, result, step, head_pad, count, room * 4)
        for i in range(together):
            _copy(result + i * head_pad * 4, mixed + (row * mixed_pad + (first + i) * head) * 4, head)


@njit(nogil=True)
def _rotate_rows(counter, sizes, layer, qkv, queries, store, cos, sin, positions, slots, scratch, epsilon):
    """Queries rotated and scaled to `queries`; keys rotated and values as they are to their slots in `store`."""
    _, _, rows, _, _, _, _, _, heads, kv_heads, head, head_pad, _, _, _, _, qkv_pad, _ = sizes
    q_norm, k_norm = layer[4], layer[5]
    factor = np.float32(1.0 / np.sqrt(head))
    while True:
        row = fetch_add(counter, 1)
        if row >= rows:
            break
        source = qkv + row * qkv_pad * 4
        table = positions[row] * (head // 2) * 4
        for i in range(heads):
            out = queries + (row * heads + i) * head_pad * 4
            _rotate(source + i * head * 4, out, q_norm, scratch, cos + table, sin + table, head, head_pad, epsilon, factor)
        source += heads * head * 4
        key = store + slots[row] * 2 * kv_heads * head * 4
        for i in range(kv_heads):
            out = key + i * head * 4
            _rotate(source + i * head * 4, out, k_norm, scratch, cos + table, sin + table, head, head_pad, epsilon, _ONE)
        _copy(source + kv_heads * head * 4, key + kv_heads * head * 4, kv_heads * head)


def scratch_bytes(hidden_pad: int, head_pad: int, longest: int) -> int:
    """Bytes that one thread of `forward` needs for itself: sums of a panel, one row, and what `_attend` lists."""
    room = longest + 2 * LANES
    attention = room * 8 + MIX_HEADS * (room + head_pad) * 4 + 2 * room * head_pad * 4 + room * 8
    return -(-(MAX_ROWS * PANEL * 4 + max(hidden_pad, 2 * head_pad) * 4 + attention) // 128) * 128


@njit(nogil=True)
def _forward(
    thread, sizes, addresses, layers, epsilon, limits, positions, slots, sequence, prefix, prefix_start, tail, tail_start, logit_rows
):
    """Run the layers of a plan; called by each of `threads` threads at once. True when it was given up."""
    (
        threads, int8, rows, hidden, hidden_pad, mixed_pad, inner_pad, vocab_pad, heads, kv_heads, head, head_pad, start, stop,
        num_logits, longest, qkv_pad, per_thread,
    ) = sizes  # fmt: skip
    (
        counters, scratch, x, normed, ints, scales, qkv, queries, mixed, inner, logits, cos, sin, store, store_bytes, final_norm,
        head_weight, head_scale, head_bias, post_norm, taps,
    ) = addresses  # fmt: skip
    hidden_limit, mixed_limit, inner_limit = limits
    scratch += thread * per_thread
    sums = scratch
    row_scratch = sums + MAX_ROWS * PANEL * 4
    attention_scratch = row_scratch + max(hidden_pad, 2 * head_pad) * 4
    to_hidden, to_mixed, to_inner = (ints, ints, ints) if int8 else (normed, mixed, inner)
    counter = counters + FIRST_COUNTER
    met = 0
    for number in range(start, stop):
        layer = layers[number]
        here = store + number * store_bytes
        tap = load_i64(taps, number)
        _norm_rows(counter, int8, rows, x, layer[0], hidden, hidden_pad, epsilon, normed, ints, scales, hidden_limit, row_scratch, tap)
        if meet(counters, (met + 1) * threads):
            return True
        _linear(
            counter + LINE, threads, int8, rows, hidden_pad, qkv_pad // PANEL, to_hidden, scales, layer[1], layer[2], layer[3], sums,
            STORE, qkv, qkv_pad * 4,
        )  # fmt: skip
        if meet(counters, (met + 2) * threads):
            return True
        _rotate_rows(counter + 2 * LINE, sizes, layer, qkv, queries, here, cos, sin, positions, slots, row_scratch, epsilon)
        if meet(counters, (met + 3) * threads):
            return True
        _attend(
            counter + 3 * LINE, sizes, layer[16], queries, here, mixed, attention_scratch, prefix, prefix_start, tail, tail_start,
            sequence,
        )  # fmt: skip
        if meet(counters, (met + 4) * threads):
            return True
        if int8:
            _quantise_rows(counter + 4 * LINE, rows, mixed, mixed_pad, ints, scales, mixed_limit)
            if meet(counters, (met + 5) * threads):
                return True
            met += 1
        _linear(
            counter + 5 * LINE, threads, int8, rows, mixed_pad, hidden_pad // PANEL, to_mixed, scales, layer[6], layer[7], layer[8], sums,
            ADD, x, hidden_pad * 4,
        )  # fmt: skip
        if meet(counters, (met + 5) * threads):
            return True
        _norm_rows(
            counter + 6 * LINE, int8, rows, x, layer[9], hidden, hidden_pad, epsilon, normed, ints, scales, hidden_limit, row_scratch, 0
        )
        if meet(counters, (met + 6) * threads):
            return True
        _linear(
            counter + 7 * LINE, threads, int8, rows, hidden_pad, inner_pad * 2 // PANEL, to_hidden, scales, layer[10], layer[11],
            layer[12], sums, SWIGLU, inner, inner_pad * 4,
        )  # fmt: skip
        if meet(counters, (met + 7) * threads):
            return True
        if int8:
            _quantise_rows(counter + 8 * LINE, rows, inner, inner_pad, ints, scales, inner_limit)
            if meet(counters, (met + 8) * threads):
                return True
            met += 1
        _linear(
            counter + 9 * LINE, threads, int8, rows, inner_pad, hidden_pad // PANEL, to_inner, scales, layer[13], layer[14], layer[15],
            sums, ADD, x, hidden_pad * 4,
        )  # fmt: skip
        if meet(counters, (met + 8) * threads):
            return True
        met += 8
        counter += PHASES * LINE
    tap = load_i64(taps, stop)
    while True:
        task = fetch_add(counter, 1)
        if task >= rows + num_logits:
            break
        if task >= rows:
            source = x + logit_rows[task - rows] * hidden_pad * 4
            _norm_row(
                int8, source, final_norm, hidden, hidden_pad, epsilon, normed, ints, scales, task - rows, hidden_limit, row_scratch
            )
        else:
            source = x + task * hidden_pad * 4
            if tap != 0:
                _copy(source, tap + task * hidden * 4, hidden)
            if post_norm != 0:
                _norm_row(0, source, final_norm, hidden, hidden_pad, epsilon, row_scratch, 0, 0, 0, hidden_limit, 0)
                _copy(row_scratch, post_norm + task * hidden * 4, hidden)
    if meet(counters, (met + 1) * threads):
        return True
    _linear(
        counter + LINE, threads, int8, num_logits, hidden_pad, vocab_pad // PANEL, to_hidden, scales, head_weight, head_scale, head_bias,
        sums, STORE, logits, vocab_pad * 4,
    )  # fmt: skip
    return False


def _cached(build: int):
    """The entry point, with the build in its closure: Numba's cache on disk looks at this file and at closures only."""

    @njit(nogil=True, cache=True)
    def forward(
        thread, sizes, addresses, layers, epsilon, limits, positions, slots, sequence, prefix, prefix_start, tail, tail_start, logit_rows
    ):
        if build == 0:
            return True
        return _forward(
            thread, sizes, addresses, layers, epsilon, limits, positions, slots, sequence, prefix, prefix_start, tail, tail_start,
            logit_rows,
        )  # fmt: skip

    return forward


def _build() -> int:
    """A number that changes with the source of any module whose code ends up in the compiled forward."""
    folder = Path(__file__).parent
    names = ("lanes", "microkernel", "attention", "sync", "packing")
    return zlib.crc32(b"".join((folder / f"{name}.py").read_bytes() for name in names)) | 1 << 32


#: Run the layers of a plan; called by each of `threads` threads at once. True when it was given up.
forward = _cached(_build())
