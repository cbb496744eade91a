"""The phases of a layer. Every thread calls each of them; an atomic counter hands out the work and another counts what is done.

Each gives the number of items there are. Addresses are plain integers (see `kernels`). Per row and head the arithmetic is the same
whoever does it, and with whom.
"""

from __future__ import annotations

import numpy as np

from foretell.models.engines.attention import MIX_HEADS, fetch, mix, score, softmax
from foretell.models.engines.compiled import njit
from foretell.models.engines.lanes import LANES
from foretell.models.engines.microkernel import finish_add, finish_store, finish_swiglu, rms_norm
from foretell.models.engines.packing import GROUP, PANEL
from foretell.models.engines.products import ACTIVATION, MAX_ROWS, MAX_ROWS_FP32, MAX_ROWS_INT8, PREFETCH, dot_fp32, dot_int8, quantise
from foretell.models.engines.program import ADD, STORE
from foretell.models.engines.sync import DONE, fetch_add, load_f32, load_i64, store_f32, store_i64

_INFINITY = np.float32(np.inf)
_ZERO, _ONE = np.float32(0.0), np.float32(1.0)


@njit(nogil=True)
def copy(source, out, count):
    """Copy `count` float32 values from one address to another."""
    for i in range(count):
        store_f32(out, i, load_f32(source, i))


@njit(nogil=True)
def quantise_row(source, row, k, ints, scales):
    """Make float32 values (k,) the `row`-th input of an int8 layer."""
    quantise(source, ints + row * k * ACTIVATION, scales + row * (k // GROUP) * 8, k)


@njit(nogil=True)
def quantise_rows(counter, rows, source, k, ints, scales):
    """Make float32 rows the input of an int8 layer."""
    while True:
        row = fetch_add(counter, 1)
        if row >= rows:
            break
        quantise_row(source + row * k * 4, row, k, ints, scales)
        fetch_add(counter + DONE, 1)
    return rows


@njit(nogil=True)
def norm_rows(counter, int8, rows, picked, x, weight, width, k, epsilon, normed, ints, scales, scratch):
    """Normalise states into the next linear layer's input: all rows, or the `rows` ones that `picked` lists."""
    inverse_width = np.float32(1.0) / np.float32(width)
    while True:
        row = fetch_add(counter, 1)
        if row >= rows:
            break
        source = x + (picked[row] if len(picked) else row) * k * 4
        if int8:
            rms_norm(source, weight, scratch, k, inverse_width, epsilon)
            quantise_row(scratch, row, k, ints, scales)
        else:
            rms_norm(source, weight, normed + row * k * 4, k, inverse_width, epsilon)
        fetch_add(counter + DONE, 1)
    return rows


@njit(nogil=True)
def tap_rows(counter, rows, x, weight, width, k, epsilon, out, scratch):
    """Copy states to `out`; normalised where `weight` is given."""
    while True:
        row = fetch_add(counter, 1)
        if row >= rows:
            break
        source = x + row * k * 4
        if weight != 0:
            rms_norm(source, weight, scratch, k, np.float32(1.0) / np.float32(width), epsilon)
            source = scratch
        copy(source, out + row * width * 4, width)
        fetch_add(counter + DONE, 1)
    return rows


@njit(inline="always")
def linear(counter, threads, int8, rows, k, panels, x, scales, weight, scale, bias, sums, finish, out, out_stride):
    """One linear layer over all rows; panels of outputs are shared among the threads."""
    chunk = max(1, panels // (4 * threads))
    line = 4 * PANEL  # bytes of a step through the panel, be it four inputs in int8 or one in float32
    size = PANEL * k if int8 else 4 * PANEL * k
    most = MAX_ROWS_INT8 if int8 else MAX_ROWS_FP32
    passes = max(1, (rows + most - 1) // most)  # there may be no rows: a piece of a prompt has no logits
    share = max(1, (rows + passes - 1) // passes)
    while True:
        first = fetch_add(counter, chunk)
        if first >= panels:
            break
        for panel in range(first, min(first + chunk, panels)):
            panel_scale, panel_bias = scale + panel * PANEL * 4, bias + panel * PANEL * 4
            w = weight + panel * size
            # one pass reads its own panel from memory; several share the fetching of the next one, which they all have time for
            ahead, step = (w + PREFETCH, line) if passes == 1 else (w + size, line // passes)
            for row in range(0, rows, share):
                count = min(share, rows - row)
                if int8:
                    dot_int8(count, w, x + row * k * ACTIVATION, scales + row * (k // GROUP) * 8, sums, k, ahead, step)
                else:
                    dot_fp32(count, w, x + row * k * 4, scales, sums, k, ahead, step)
                ahead += size // passes
                here = out + row * out_stride
                if finish == STORE:
                    finish_store(count, sums, panel_scale, panel_bias, here + panel * PANEL * 4, out_stride)
                elif finish == ADD:
                    finish_add(count, sums, panel_scale, panel_bias, here + panel * PANEL * 4, out_stride)
                else:
                    finish_swiglu(count, sums, panel_scale, panel_bias, here + panel * PANEL * 2, out_stride)
        fetch_add(counter + DONE, min(first + chunk, panels) - first)
    return panels


@njit(nogil=True)
def _rotate(source, out, norm, scratch, cos, sin, head, head_pad, epsilon, factor):
    """Per-head norm (where the model has one), then rotary embedding, times `factor`."""
    half = head // 2
    if norm != 0:
        copy(source, scratch, head)
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
        copy(row, out + j * head_pad * 4, head)
        for i in range(head, head_pad):
            store_f32(out + j * head_pad * 4, i, _ZERO)


@njit(inline="always")
def attend(
    counter, threads, rows, heads, kv_heads, head, head_pad, mixed_pad, longest, window, queries, store, mixed, scratch, prefix,
    prefix_start, tail, tail_start, sequence,
):  # fmt: skip
    """Attention of every (row, head); `scratch` holds slots, scores, one output and room for staged keys and values."""
    slot_bytes = 2 * kv_heads * head * 4
    room = longest + 2 * LANES
    slots = scratch
    scores = slots + room * 8
    result = scores + MIX_HEADS * room * 4
    staged_keys = result + MIX_HEADS * head_pad * 4
    staged_values = staged_keys + room * head_pad * 4
    plain = staged_values + room * head_pad * 4
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
        if listed < 0 and head != head_pad:  # not before there is work: a late thread must not write anywhere
            for i in range(room):
                store_i64(plain, i, i)
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
            copy(result + i * head_pad * 4, mixed + (row * mixed_pad + (first + i) * head) * 4, head)
        fetch_add(counter + DONE, 1)
    return rows * kv_heads * parts


@njit(nogil=True)
def rotate_rows(
    counter, rows, heads, kv_heads, head, head_pad, qkv_pad, q_norm, k_norm, qkv, queries, store, cos, sin, positions, slots,
    scratch, epsilon,
):  # fmt: skip
    """Queries rotated and scaled to `queries`; keys rotated and values as they are to their slots in `store`."""
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
        copy(source + kv_heads * head * 4, key + kv_heads * head * 4, kv_heads * head)
        fetch_add(counter + DONE, 1)
    return rows


def scratch_bytes(hidden_pad: int, head_pad: int, longest: int) -> int:
    """Bytes that one thread of the forward needs for itself: sums of a panel, one row, and what `attend` lists."""
    room = longest + 2 * LANES
    attention = room * 8 + MIX_HEADS * (room + head_pad) * 4 + 2 * room * head_pad * 4 + room * 8
    return -(-(MAX_ROWS * PANEL * 4 + max(hidden_pad, 2 * head_pad) * 4 + attention) // 128) * 128
