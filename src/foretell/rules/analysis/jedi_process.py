"""jedi in a process of its own, which is ended where an answer takes too long."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import weakref
from functools import cache
from pathlib import Path
from typing import Any

from foretell.rules.analysis.base import FailedError, LateError

#: Seconds that Python and jedi may take to start.
START = 60.0


class JediProcess:
    """Starts when it is first needed, and again after it was ended. Safe to ask from several threads: they take turns."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: _Running | None = None

    def warm_up(self) -> None:
        """Start, without waiting for it."""
        with self._lock:
            self._started()

    def ask(self, query: dict[str, Any], budget: float) -> dict[str, Any]:
        """The answer to a query of `jedi_worker`. `LateError` where it takes more than `budget` seconds, `FailedError` where the process
        dies of it; RuntimeError where it does not start."""
        with self._lock:
            running = self._started()
            try:
                if not running.ready:
                    running.read(START)
                    running.ready = True
                running.write(query)
                return running.read(budget)
            except BaseException as error:  # Ctrl-C too: an answer that nobody waited for must not become the next one's
                self._running = None
                running.end()
                if not isinstance(error, queue.Empty | FailedError):
                    raise
                if not running.ready:
                    raise RuntimeError(f"jedi did not start within {START:.0f} seconds: {running.complaint}") from None
                if isinstance(error, FailedError):
                    raise
                raise LateError(f"no answer within {budget} seconds") from None

    def _started(self) -> _Running:
        if self._running is None or self._running.owner != os.getpid():  # a forked child has no part in its parent's pipes
            self._running = _Running()
        return self._running


class _Running:
    """One process and the thread that reads it, since Python cannot wait for a pipe for so long and no longer on every system."""

    def __init__(self) -> None:
        self.owner, self.ready = os.getpid(), False
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        command = [sys.executable, "-P", str(Path(__file__).with_name("jedi_worker.py"))]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors)
        self._lines: queue.Queue[bytes] = queue.Queue()
        reader = threading.Thread(target=_read, args=(self._process.stdout, self._lines), daemon=True)
        reader.start()
        self.end = weakref.finalize(self, _end, self._process, reader, self._errors, self.owner)  # at exit at the latest

    def write(self, query: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(query).encode() + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            raise FailedError(f"jedi's process ended: {self.complaint}") from error

    def read(self, seconds: float) -> dict[str, Any]:
        line = self._lines.get(timeout=min(seconds, threading.TIMEOUT_MAX))
        if not line:
            raise FailedError(f"jedi's process ended: {self.complaint}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    @property
    def complaint(self) -> str:
        """What the process said last."""
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace")[-500:].strip() or "it said nothing"


def _read(pipe: Any, lines: queue.Queue[bytes]) -> None:
    for line in pipe:
        lines.put(line)
    lines.put(b"")


def _end(process: subprocess.Popen[bytes], reader: threading.Thread, errors: Any, owner: int) -> None:
    if os.getpid() != owner:
        return
    process.kill()
    process.wait()
    reader.join()
    for pipe in (process.stdin, process.stdout, errors):
        if pipe is not None:
            with contextlib.suppress(OSError):  # what was written last may still wait there
                pipe.close()


@cache
def shared_process() -> JediProcess:
    """The one that all analysers of this program ask: what it has read of Python's own modules serves them all."""
    return JediProcess()
