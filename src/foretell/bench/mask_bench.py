"""Engines for JSON Schema side by side: coverage, verdicts and speed on the same schemas."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from foretell.bench.masks.cases import SchemaCase
from foretell.bench.masks.engines import engine_named
from foretell.bench.masks.measure import PASS, CaseResult
from foretell.bench.masks.worker import EngineWorker
from foretell.bench.runner import INTERRUPTED, TimeEstimate
from foretell.errors import UserError
from foretell.models.vocabulary import Vocabulary
from foretell.progress import Progress, ReportProgress, no_progress


@dataclass
class MaskRun:
    """The outcome of a mask bench.

    cases: that were to be measured. results: of each case by engine, in the order of the cases. ended: "" where all was measured, else
    INTERRUPTED. seconds: of the whole run. limit: seconds allowed for one engine on one case.
    """

    cases: Sequence[SchemaCase]
    results: dict[str, list[CaseResult]]
    ended: str = ""
    seconds: float = 0.0
    limit: float = 0.0

    @property
    def common(self) -> set[str]:
        """Names of the cases that all engines pass. Times should be compared on these: an engine that refuses hard schemas is fast on
        the rest."""
        passed = [{result.case for result in results if result.outcome == PASS} for results in self.results.values()]
        return set.intersection(*passed) if passed else set()


@dataclass(frozen=True)
class MaskBench:
    """Measures engines on cases.

    engines: names of `masks.engines.ENGINES`. cases: schemas with instances. vocabulary: of the model whose tokens are masked. seconds:
    allowed for one engine on one case, its instances included.

    An engine passes a case if it accepts every valid instance and rejects every invalid one, judged by its token sets on the instance's
    tokens. Each engine runs in a process of its own, and engines take turns case by case, so that they share the machine's drift.

    Geng et al., "Generating Structured Outputs from Language Models: Benchmark and Studies", section 4, and its MaskBench. Departure: it
    is also checked that the text may end after an instance.
    Raises UnknownNameError or ImportError for an engine that is not there, UserError for wrong settings.
    """

    engines: Sequence[str]
    cases: Sequence[SchemaCase]
    vocabulary: Vocabulary
    seconds: float = 10.0

    def __post_init__(self) -> None:
        if not self.engines or len(set(self.engines)) < len(self.engines):
            raise UserError(f"engines={list(self.engines)!r} must be one or more, each once")
        if not self.seconds > 0:
            raise UserError(f"seconds={self.seconds!r} must be above 0")
        for name in self.engines:
            engine_named(name)

    def run(self, report: ReportProgress = no_progress) -> MaskRun:
        """Measure all engines on all cases. Ctrl-C ends the run with the cases that all engines have finished."""
        result, begin = MaskRun(self.cases, {name: [] for name in self.engines}, limit=self.seconds), time.perf_counter()
        workers = {name: EngineWorker(name, self.vocabulary) for name in self.engines}
        estimate = TimeEstimate(Counter(dict.fromkeys(self.engines, len(self.cases))))
        try:
            for number, case in enumerate(self.cases):
                finished = {}
                for name, worker in workers.items():
                    seconds_left = estimate.seconds_left()
                    report(Progress(number / len(self.cases), f"{name} on {number + 1} of {len(self.cases)}", seconds_left))
                    start = time.perf_counter()
                    finished[name] = worker.measure(case, self.seconds)
                    estimate.note(name, time.perf_counter() - start)
                for name, case_result in finished.items():
                    result.results[name].append(case_result)
        except KeyboardInterrupt:
            result.ended = INTERRUPTED
        finally:
            for worker in workers.values():
                worker.close()
        result.seconds = time.perf_counter() - begin
        return result
