"""Engines that say which tokens a JSON Schema allows, side by side: coverage, verdicts and speed on the same cases."""

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
    """found: what each engine made of each case, in the order of the cases. ended: "" when all is done, else why not."""

    cases: Sequence[SchemaCase]
    found: dict[str, list[CaseResult]]
    ended: str = ""
    seconds: float = 0.0
    limit: float = 0.0

    @property
    def common(self) -> set[str]:
        """Names of the cases that all engines pass: an engine that gives up what is hard has flattering times elsewhere."""
        passed = [{one.case for one in found if one.outcome == PASS} for found in self.found.values()]
        return set.intersection(*passed) if passed else set()


@dataclass(frozen=True)
class MaskBench:
    """Measure engines on cases. engines: names of `masks.engines.ENGINES`. seconds: for one engine on one case, its instances included.

    Guarantee: verdicts are by the engine's own token sets on the model's own tokens. An engine passes a case if each valid instance is
    accepted and each invalid one rejected. Needs: a process for each engine. Engines take turns case by case, so the machine's drift is
    shared.

    Geng et al., "Generating Structured Outputs from Language Models: Benchmark and Studies", section 4, and its MaskBench; that the text
    may end after an instance is checked too, which the original leaves out.
    Errors: UnknownNameError or ImportError for an engine that is not there, ValueError for bad settings.
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
        """All engines on all cases; Ctrl-C ends the run with the cases that all engines have done."""
        result, begin = MaskRun(self.cases, {name: [] for name in self.engines}, limit=self.seconds), time.perf_counter()
        workers = {name: EngineWorker(name, self.vocabulary) for name in self.engines}
        estimate = TimeEstimate(Counter(dict.fromkeys(self.engines, len(self.cases))))
        try:
            for number, case in enumerate(self.cases):
                done = {}
                for name, worker in workers.items():
                    seconds_left = estimate.seconds_left()
                    report(Progress(number / len(self.cases), f"{name} on {number + 1} of {len(self.cases)}", seconds_left))
                    start = time.perf_counter()
                    done[name] = worker.measure(case, self.seconds)
                    estimate.note(name, time.perf_counter() - start)
                for name, one in done.items():
                    result.found[name].append(one)
        except KeyboardInterrupt:
            result.ended = INTERRUPTED
        finally:
            for worker in workers.values():
                worker.close()
        result.seconds = time.perf_counter() - begin
        return result
