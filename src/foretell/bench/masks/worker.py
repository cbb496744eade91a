"""An engine in a process of its own, which is killed when it takes too long: a hang or a crash is an outcome of the bench."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from multiprocessing.connection import Connection
from typing import Any

from foretell.bench.masks.cases import SchemaCase
from foretell.bench.masks.engines import Engine, engine_named
from foretell.bench.masks.measure import CRASH, TIMEOUT, CaseResult, measure
from foretell.models.vocabulary import Vocabulary

#: Longest wait for a new process, which reads the vocabulary and compiles a first schema, untimed.
START_SECONDS = 120.0


class EngineWorker:
    """The process of one engine. It starts at the first case, and again after it was killed."""

    def __init__(self, engine: str | Engine, vocabulary: Vocabulary) -> None:
        """engine: a name of `engines.ENGINES`, or a function that another process can import. vocabulary: as in `MaskBench`."""
        self.engine = engine
        self.vocabulary = Vocabulary(vocabulary.tokens, vocabulary.stop_tokens, vocabulary.tokenizer)  # without what engines cache on it
        self.process: Any = None
        self.pipe: Any = None

    def measure(self, case: SchemaCase, seconds: float) -> CaseResult:
        """Measure a case. seconds: after which the process is killed and the outcome is TIMEOUT."""
        if self.process is None:
            self._start()
        self.pipe.send(case)
        deadline, compiled = time.monotonic() + seconds, None
        while self.pipe.poll(max(deadline - time.monotonic(), 0.0)):
            try:
                told = self.pipe.recv()
            except EOFError:
                self.process.join()
                reason = f"the process ended with status {self.process.exitcode}"
                self.close()
                return CaseResult(case.name, CRASH, reason, compiled)
            if isinstance(told, CaseResult):
                return told
            compiled = told
        self.close()
        doing = "compiling" if compiled is None else "computing token sets"
        return CaseResult(case.name, TIMEOUT, f"still {doing} after {seconds:g} s", seconds if compiled is None else compiled)

    def close(self) -> None:
        """Kill the process, if there is one."""
        if self.process is not None:
            self.process.kill()
            self.process.join()
            self.pipe.close()
        self.process = None

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")  # no copy of torch's threads
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, self.engine, self.vocabulary), daemon=True)
        self.process.start()
        theirs.close()
        try:
            ready = self.pipe.poll(START_SECONDS) and self.pipe.recv()
        except EOFError:
            ready = False
        if not ready:
            self.close()
            raise RuntimeError(f"engine {self.engine!r}: its process did not start; its message is above")


def _serve(pipe: Connection, engine: str | Engine, vocabulary: Vocabulary) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the bench handles Ctrl-C and ends this process
    engine = engine_named(engine) if isinstance(engine, str) else engine
    measure(engine, SchemaCase("first", {"type": "null"}), vocabulary)
    pipe.send(True)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # some engines warn of every other schema
    while True:
        try:
            case = pipe.recv()
        except EOFError:  # the bench is gone
            return
        pipe.send(measure(engine, case, vocabulary, pipe.send))
