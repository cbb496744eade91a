"""What benchmarks of single answers time."""

from __future__ import annotations

import time

import foretell as ft
from foretell.decoding.draws import SampledDraws
from foretell.decoding.sampler import Sampler


def seconds(session: ft.Session, text: list[int], length: int) -> tuple[float, ft.Request]:
    """Wall time of one greedy answer of fixed length."""
    request = ft.Request(text, length, Sampler(greedy=True), SampledDraws(0))
    begin = time.perf_counter()
    for _ in session.run([request]):
        pass
    return time.perf_counter() - begin, request
