"""What drafting costs beside the forward pass: to propose, trim, decide and observe, measured once and kept.

Drafters that look tables up declare no cost of their own (`Drafter.draft_cost`). What they and the loop around them take is little, but
where a plain step takes five milliseconds, half a millisecond is a tenth.
"""

from __future__ import annotations

import hashlib
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch

from foretell.decoding.draws import SampledDraws
from foretell.decoding.pacing.machine_name import machine_name
from foretell.decoding.request import Request
from foretell.decoding.sampler import Sampler
from foretell.models.base import Cache, Context, Feed, Model, Rows

#: Increase it when the measurement changes.
_VERSION = 3
#: Drafted tokens of the two drafts that are compared, and steps: to warm up, and measured.
_FEW, _MANY = 1, 8
_WARM, _STEPS = 16, 48
#: In use, the caches of the processor hold the model's weights and neither the drafter's tables nor its code: what takes 0.3 ms here took
#: 0.6 to 0.9 ms between forward passes.
_COLD = 2.5
#: Processor time, which a busy machine changes little, where its clock is fine enough.
_clock = time.thread_time if time.get_clock_info("thread_time").resolution < 1e-5 else time.perf_counter


def handling_of(model: Model, drafter: str, loop_of: Callable[[Model, int | None], Any]) -> tuple[float, float]:
    """(seconds for each draft, seconds more for each drafted token): from the cache folder, else measured now, in 0.1 seconds.

    drafter: its text. loop_of(stand_in, most): a loop with a model that computes nothing, which drafts `most` tokens; plain for None.
    """
    from foretell.models.cache_folder import read_json, write_json

    digest = hashlib.sha256(f"{drafter} {model.vocab_size}".encode()).hexdigest()[:16]
    name = f"curves/handling-{digest}-{machine_name(model)}.json"
    try:
        entry: Any = read_json(name)
        if entry["version"] == _VERSION:
            return float(entry["ask"]), float(entry["node"])
    except (KeyError, TypeError, ValueError):
        pass
    stand_in = _StandIn(model)
    plain, few, many = (_seconds(loop_of(stand_in, most)) for most in (None, _FEW, _MANY))
    node = max(many - few, 0.0) / (_MANY - _FEW)
    ask, node = _COLD * max(few - plain - node * _FEW, 0.0), _COLD * node
    write_json(name, {"version": _VERSION, "ask": ask, "node": node})
    return ask, node


def _seconds(loop: Any) -> float:
    """The median time of a step of `loop`."""
    request = Request([token % loop.model.vocab_size for token in range(32)], _WARM + _STEPS * _MANY, Sampler(greedy=True), SampledDraws(0))
    running, times = loop.begin(request), list[float]()
    while not request.finish_reason and len(times) < _WARM + _STEPS:
        begin = _clock()
        loop.step([running])
        times.append(_clock() - begin)
    loop.end(running)
    if request.error is not None:
        raise request.error
    return statistics.median(times[_WARM:] or times)


class _StandIn(Model):
    """A model of the vocabulary of another that computes nothing: its rows are random, and the same in every step."""

    tolerance = 0.0
    num_layers, width, max_length = 1, 1, 1 << 20

    def __init__(self, model: Model) -> None:
        self.vocab_size, self.tokenizer, self.fingerprint = model.vocab_size, model.tokenizer, "stand-in"
        self.__dict__["_pool"] = model.pool  # what is kept of the vocabulary, such as a table of phrases, is the same
        self._rows = torch.randn(_MANY + 1, self.vocab_size, generator=torch.Generator().manual_seed(0))

    def _new_cache(self, context: Context) -> Cache:
        return _NoCache()

    def _forward(self, feeds: Sequence[Feed], hidden: tuple[int | str, ...], start: int, stop: int) -> list[Rows]:
        return [Rows(self._rows[: len(feed.tokens) if feed.num_logits is None else feed.num_logits]) for feed in feeds]


class _NoCache(Cache):
    """Counts rows, and keeps nothing of them."""

    def _keep(self, path: list[int]) -> None:
        pass

    def _truncate(self, length: int) -> None:
        pass

    def _fork(self) -> Cache:
        return _NoCache()
