"""Cost curves measured for a model on this machine, and kept.

All decisions about the size of drafts use this curve. It is measured once per model and machine and kept in the cache folder, so that
decisions, and therefore sampled texts, do not depend on the noise of one run.
"""

from __future__ import annotations

import logging
import platform
import time
import weakref
from collections.abc import Sequence
from typing import Any

import torch

from foretell.decoding.cost_curve import CostCurve
from foretell.models.base import Feed, Model
from foretell.models.reading import read

log = logging.getLogger(__name__)
#: Row counts that are measured: all small ones, because drafts are small and engines have jumps at block sizes.
ROWS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 17, 20, 24, 32, 48, 64)
#: Increase it when the measurement or an engine changes.
_VERSION = 2
#: For an early exit, which drafts token by token, only small row counts matter; a pace may use many exits.
_EXIT_ROWS = (1, 2)
#: By model, then by exit layer (None: all layers).
_known: weakref.WeakKeyDictionary[Model, dict[int | None, CostCurve]] = weakref.WeakKeyDictionary()


def measure(model: Model, rows: Sequence[int] = ROWS, context: int = 200, repeats: int = 9, stop: int | None = None) -> CostCurve:
    """Time forward steps after `context` tokens of text: the least of `repeats` interleaved measurements, made non-decreasing.

    Takes about two seconds. rows: row counts, ascending. stop: exit layer (None: all layers).
    """
    context = min(context, model.max_length - max(rows) - 1)
    if context < 1:
        rows = [n for n in rows if n < model.max_length // 2] or [1]
        context = max(1, model.max_length // 2 - 1)
    text = [(7919 * i) % model.vocab_size for i in range(context + max(rows))]
    cache = model.new_cache()
    read(model, [(cache, text[:context])], num_logits=0)
    times: dict[int, list[float]] = {n: [] for n in rows}
    for repeat in range(repeats + 1):
        for n in rows:
            begin = time.perf_counter()
            model.forward([Feed(cache, text[context : context + n])], stop=stop)
            elapsed = time.perf_counter() - begin
            cache.keep([])
            if repeat:  # the first round warms up
                times[n].append(elapsed)
    # The least, because other work on the machine only adds time.
    typical = [min(times[n]) for n in rows]
    return CostCurve(tuple(rows), tuple(_isotonic(typical)))


def _isotonic(values: Sequence[float]) -> list[float]:
    """The nearest non-decreasing sequence (pool adjacent violators), so that noise does not make more rows look cheaper."""
    pools: list[list[float]] = []  # [mean, count]
    for value in values:
        pools.append([value, 1])
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            mean, count = pools.pop()
            pools[-1] = [(pools[-1][0] * pools[-1][1] + mean * count) / (pools[-1][1] + count), pools[-1][1] + count]
    return [mean for mean, count in pools for _ in range(int(count))]


def curve_of(model: Model, remeasure: bool = False, stop: int | None = None) -> CostCurve:
    """The model's curve: from this process, else from the cache folder, else measured now (about two seconds).

    remeasure: measure in any case. stop: the curve of an early exit after that layer (measured in a tenth of the time).
    """
    from foretell.models.cache_folder import write_json

    curve = None if remeasure else known_curve(model, stop)
    if curve is None:
        curve = measure(model, ROWS if stop is None else _EXIT_ROWS, stop=stop)
        log.info("cost curve measured: %s", _shown(curve))
        write_json(_name(model, stop), {"version": _VERSION, "rows": curve.rows, "seconds": curve.seconds})
    use_curve(model, curve, stop)
    return curve


def use_curve(model: Model, curve: CostCurve, stop: int | None = None) -> None:
    """Set the model's curve in this process without measuring, for tests."""
    _known.setdefault(model, {})[stop] = curve


def known_curve(model: Model, stop: int | None = None) -> CostCurve | None:
    """The model's curve if it was measured before, else None."""
    from foretell.models.cache_folder import read_json

    if stop not in _known.get(model, {}):
        curve = _parse(read_json(_name(model, stop)))
        if curve is None:
            return None
        log.info("cost curve from the cache: %s", _shown(curve))
        use_curve(model, curve, stop)
    return _known[model][stop]


def _shown(curve: CostCurve) -> str:
    """The curve's ends, in milliseconds."""
    return f"{1000 * curve.seconds[0]:.1f} ms for {curve.rows[0]} row, {1000 * curve.seconds[-1]:.1f} ms for {curve.rows[-1]} rows"


def _name(model: Model, stop: int | None) -> str:
    exit_layer = "" if stop is None else f"-exit{stop}"
    return f"curves/{model.fingerprint}-{platform.node()}-{torch.get_num_threads()}{exit_layer}.json"


def _parse(entry: Any) -> CostCurve | None:
    """The curve of a stored entry; None for entries that are missing or of another version, which are measured again."""
    try:
        return CostCurve(tuple(entry["rows"]), tuple(entry["seconds"])) if entry["version"] == _VERSION else None
    except (ValueError, KeyError, TypeError):
        return None
