"""jedi in a process of its own, which is killed if an answer takes too long."""

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

from foretell.models.cache_folder import cache_folder
from foretell.rules.analysis.analyser import AnalysisFailedError, AnalysisTimeoutError

#: Seconds that the process may take to start.
START_TIMEOUT = 60.0


class JediProcess:
    """The process, started when it is first needed and again after it was killed. Thread-safe: threads take turns.

    A forked child starts a process of its own.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: _Running | None = None

    def warm_up(self) -> None:
        """Start the process without waiting for it."""
        with self._lock:
            self._started()

    def ask(self, query: dict[str, Any], budget: float) -> dict[str, Any]:
        """The answer to a query of `jedi_worker`.

        Errors: `AnalysisTimeoutError` if it takes more than `budget` seconds, `AnalysisFailedError` if the process dies, RuntimeError if
        it does not start.
        """
        with self._lock:
            running = self._started()
            try:
                if not running.ready:
                    running.read(START_TIMEOUT)
                    running.ready = True
                running.write(query)
                return running.read(budget)
            except BaseException as error:  # Ctrl-C too: the next query must not read this one's answer
                self._running = None
                running.end()
                if not isinstance(error, queue.Empty | AnalysisFailedError):
                    raise
                if not running.ready:
                    raise RuntimeError(f"jedi did not start within {START_TIMEOUT:.0f} seconds: {running.complaint}") from None
                if isinstance(error, AnalysisFailedError):
                    raise
                raise AnalysisTimeoutError(f"no answer within {budget} seconds") from None

    def _started(self) -> _Running:
        if self._running is None or self._running.owner != os.getpid():  # a forked child cannot use its parent's pipes
            self._running = _Running()
        return self._running


class _Running:
    """One process, and a thread that reads its output, since reading a pipe with a timeout is not portable."""

    def __init__(self) -> None:
        self.owner, self.ready = os.getpid(), False
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        command = [sys.executable, "-P", str(Path(__file__).with_name("jedi_worker.py")), str(cache_folder() / "jedi")]
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
            raise AnalysisFailedError(f"jedi's process ended: {self.complaint}") from error

    def read(self, seconds: float) -> dict[str, Any]:
        line = self._lines.get(timeout=min(seconds, threading.TIMEOUT_MAX))
        if not line:
            raise AnalysisFailedError(f"jedi's process ended: {self.complaint}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    @property
    def complaint(self) -> str:
        """The last 500 characters that the process wrote to its standard error."""
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace")[-500:].strip() or "it wrote nothing"


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
            with contextlib.suppress(OSError):  # the pipe may be broken
                pipe.close()


@cache
def shared_process() -> JediProcess:
    """The process that all analysers of this program share, with jedi's cache of Python's own modules."""
    return JediProcess()
