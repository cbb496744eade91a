"""Threads that wait for compiled work to join in."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from queue import SimpleQueue

#: Calls that may wait for a thread that is late; further ones are done without it.
_BACKLOG = 2


class Helpers:
    """`count` threads, started when first needed, that end with this object. Safe across fork: a child starts its own."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._process = 0
        self._queues: list[SimpleQueue] = []
        self._end: weakref.finalize | None = None

    def offer(self, function: Callable[..., object], args: tuple, memory: tuple) -> None:
        """Have thread i = 1, 2, … call `function(i, *args)` soon, without waiting for it; `memory` is kept alive until then.

        Each thread takes its calls in order. One that the system has put aside may come after the work is done.
        """
        if self._process != os.getpid():
            self._start()
        for number, queue in enumerate(self._queues, 1):
            if queue.qsize() < _BACKLOG:
                queue.put((function, (number, *args), memory))

    def _start(self) -> None:
        if self._end is not None:
            self._end.detach()
        self._process = os.getpid()
        self._queues = [SimpleQueue() for _ in range(self._count)]
        threads = [threading.Thread(target=_work, args=(queue,), name="foretell", daemon=True) for queue in self._queues]
        for thread in threads:
            thread.start()
        self._end = weakref.finalize(self, _stop, self._queues, threads)


def _work(queue: SimpleQueue) -> None:
    while True:
        job = queue.get()
        if job is None:
            return
        function, args, memory = job
        function(*args)
        del job, function, args, memory  # nothing is kept while waiting


def _stop(queues: list[SimpleQueue], threads: list[threading.Thread]) -> None:
    """End the threads and wait for them: one that were still in compiled code when the interpreter ends would abort it."""
    for queue in queues:
        queue.put(None)
    for thread in threads:
        if thread is not threading.current_thread():
            thread.join(timeout=5.0)
