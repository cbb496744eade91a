"""Cost curves measured for a model on this machine, and kept.

All decisions about the size of drafts use this curve. It is measured once per model and machine and kept in the cache folder, so that
decisions, and therefore sampled texts, do not depend on the noise of one run.
"""

from __future__ import annotations

import dataclasses
import logging
import statistics
import time
import weakref
from collections.abc import Iterator, Sequence
from typing import Any

from foretell.decoding.cost_curve import CostCurve
from foretell.decoding.pacing.machine_name import machine_name
from foretell.models.base import Cache, Feed, Model
from foretell.models.reading import read

log = logging.getLogger(__name__)
#: Row counts that are measured: all small ones, because drafts are small and engines have jumps at block sizes. The last ones are pieces
#: of prompts.
ROWS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 17, 20, 24, 32, 48, 64, 128, 256)
#: Increase it when the measurement or an engine changes.
_VERSION = 4
#: For an early exit, which drafts token by token, only small row counts matter; a pace may use many exits.
_EXIT_ROWS = (1, 2)
#: Tokens of the short texts and of the long one, the row counts that are compared on both, and the texts of a batch.
_SHORT, _LONG, _COMPARED, _TEXTS = 64, 1024, (1, 8), 8
#: Row count from which one round will do.
_MANY = 100
#: Seconds of a step from which a model is slow, and the row counts that are measured of it.
_SLOW, _SLOW_ROWS = 0.1, (1, 2, 8, 32)
#: Noise (`CostCurve.noise`) above which the machine was busy, and how often a curve is measured for that reason.
_BUSY, _TRIES = 1.25, 4
#: By model, then by exit layer (None: all layers).
_known: weakref.WeakKeyDictionary[Model, dict[int | None, CostCurve]] = weakref.WeakKeyDictionary()


def measure(model: Model, rows: Sequence[int] = ROWS, context: int = _SHORT, budget: float = 1.0, stop: int | None = None) -> CostCurve:
    """Time forward steps after `context` tokens of text, after a long text, from which the cost of attention follows, and of a batch.

    Each is timed a few times in a row, as decoding repeats it, since a step after one of another size takes longer; and beside steps over
    one row, because what a machine can do varies from second to second, but hardly the ratio. The median ratio counts, made non-decreasing.
    Rounds over the row counts go on for `budget` seconds, and one round is always made: two to three seconds in all. Of a slow model only
    a few row counts are measured, which takes about twenty of its steps.

    rows: row counts, ascending, from 1. stop: exit layer (None: all layers); then long text and batch are left out.
    """
    context = min(context, model.max_length - max(rows) - 1)
    if context < 1:
        rows = [n for n in rows if n < model.max_length // 2] or [1]
        context = max(1, model.max_length // 2 - 1)
    clock = _Clock(model, _text_of(model, context, 0), stop)
    if clock.is_slow:
        log.info("a step takes %.1f s, so the cost curve is measured at a few points", clock.least)
        rows = [n for n in rows if n in _SLOW_ROWS]
    begin, ratios = time.perf_counter(), dict[int, list[float]]()
    while not ratios or time.perf_counter() - begin < budget:
        for n in rows if not ratios else [n for n in rows if n < _MANY]:
            ratios.setdefault(n, []).append(clock.ratio([clock.short], n))
    smooth = _isotonic([statistics.median_low(ratios[n]) for n in rows])
    curve = CostCurve(tuple(rows), tuple(clock.least * ratio for ratio in smooth), context, noise=clock.noise)
    length = min(_LONG, model.max_length - max(_COMPARED) - 1)
    if stop is not None or clock.is_slow or not set(_COMPARED) <= set(rows) or length < 2 * context:
        return curve
    long = _text_of(model, length, 1)
    few, many = ((clock.seconds([long], n) - curve(n)) / (length - context) for n in _COMPARED)
    per_row = max((many - few) / (_COMPARED[1] - _COMPARED[0]), 0.0)
    curve = dataclasses.replace(curve, per_token=max(few - per_row, 0.0), per_token_row=per_row)
    texts = [_text_of(model, context, number) for number in range(_TEXTS)]
    rest = clock.seconds(texts, 1) - curve.step([(context, 1)] * _TEXTS)
    return dataclasses.replace(curve, per_text=max(rest, 0.0) / (_TEXTS - 1))


class _Clock:
    """Times steps beside steps over one row of the text `short`. least: the least seconds of such a step so far."""

    def __init__(self, model: Model, short: Cache, stop: int | None) -> None:
        self._model, self.short, self._stop, self.is_slow = model, short, stop, False
        self._ones = list[float]()
        self.least = self._timed([short], 1, num_steps=2)
        self.is_slow = self.least > _SLOW

    def seconds(self, texts: Sequence[Cache], num_rows: int) -> float:
        """Seconds of a step over `num_rows` rows of each text, on the machine at its best."""
        return statistics.median_low([self.ratio(texts, num_rows) for _ in range(3)]) * self.least

    def ratio(self, texts: Sequence[Cache], num_rows: int) -> float:
        """The time of a step over `num_rows` rows of each text, over that of one row of the short text."""
        one = self._timed([self.short], 1)
        self.least = min(self.least, one)
        self._ones.append(one)
        return self._timed(texts, num_rows) / one

    @property
    def noise(self) -> float:
        """The median time of a step over one row, over the least: near 1 on an idle machine."""
        return statistics.median(self._ones) / self.least

    def _timed(self, texts: Sequence[Cache], num_rows: int, num_steps: int = 0) -> float:
        """The least seconds of a few steps; one more, the first, warms up."""
        times, tokens = list[float](), list(_tokens(self._model, num_rows, 2))
        few = num_rows * len(texts) > 16 or self.is_slow
        for _ in range(num_steps or (2 if few else 4)):
            begin = time.perf_counter()
            self._model.forward([Feed(cache, tokens) for cache in texts], stop=self._stop)
            times.append(time.perf_counter() - begin)
            for cache in texts:
                cache.keep([])
        return min(times[1:])


def _text_of(model: Model, length: int, number: int) -> Cache:
    """A cache that holds the text of this number, of so many tokens."""
    cache = model.new_cache()
    read(model, [(cache, list(_tokens(model, length, number)))], num_logits=0)
    return cache


def _tokens(model: Model, num: int, first: int) -> Iterator[int]:
    return ((7919 * i) % model.vocab_size for i in range(first, first + num))


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

    A curve that was measured on a busy machine is measured again by later processes, three times at most, and the least noisy one is kept.

    remeasure: measure in any case. stop: the curve of an early exit after that layer (measured in a tenth of the time).
    """
    from foretell.models.cache_folder import write_json

    if not remeasure and stop in _known.get(model, {}):
        return _known[model][stop]
    stored, tries = (None, 0) if remeasure else _stored(model, stop)
    if stored is not None and (stored.noise <= _BUSY or tries >= _TRIES):
        log.info("cost curve from the cache: %s", _shown(stored))
        curve = stored
    else:
        curve = measure(model, ROWS if stop is None else _EXIT_ROWS, stop=stop)
        log.info("cost curve measured: %s", _shown(curve))
        if stored is not None and stored.noise <= curve.noise:
            curve = stored
        write_json(_name(model, stop), {"version": _VERSION, "tries": tries + 1, **dataclasses.asdict(curve)})
    use_curve(model, curve, stop)
    return curve


def use_curve(model: Model, curve: CostCurve, stop: int | None = None) -> None:
    """Set the model's curve in this process without measuring, for tests."""
    _known.setdefault(model, {})[stop] = curve


def known_curve(model: Model, stop: int | None = None) -> CostCurve | None:
    """The model's curve if it was measured before, else None."""
    return _known[model][stop] if stop in _known.get(model, {}) else _stored(model, stop)[0]


def _shown(curve: CostCurve) -> str:
    """The curve's ends, in milliseconds."""
    return f"{1000 * curve.seconds[0]:.1f} ms for {curve.rows[0]} row, {1000 * curve.seconds[-1]:.1f} ms for {curve.rows[-1]} rows"


def _name(model: Model, stop: int | None) -> str:
    exit_layer = "" if stop is None else f"-exit{stop}"
    return f"curves/{model.fingerprint}-{machine_name(model)}{exit_layer}.json"


def _stored(model: Model, stop: int | None) -> tuple[CostCurve | None, int]:
    """The curve in the cache folder, and how often it was measured. (None, 0) where none is there, or one of another version."""
    from foretell.models.cache_folder import read_json

    try:
        entry: Any = read_json(_name(model, stop))
        if entry["version"] != _VERSION:
            return None, 0
        fields: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}
        del fields["version"]
        tries = int(fields.pop("tries"))
        return CostCurve(**fields), tries
    except (ValueError, KeyError, TypeError):
        return None, 0
