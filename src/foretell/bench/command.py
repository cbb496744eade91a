"""`foretell bench`, from its options to its last line."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from foretell.bench.arms import Arm, recipe_arms
from foretell.bench.defaults import default_recipes
from foretell.bench.duration import parse_seconds
from foretell.bench.machine import usable_processors
from foretell.bench.named_recipe import PLAIN, read_named
from foretell.bench.per_prompt import check_per_prompt_path, write_per_prompt
from foretell.bench.report import BenchReport, Provenance, make_report
from foretell.bench.runner import INTERRUPTED, run
from foretell.bench.tasks import Group
from foretell.bench.workload import Workload, check_at_least, model_title
from foretell.decoding.pacing.measured_curve import curve_of
from foretell.errors import UserError
from foretell.models.base import Model
from foretell.progress import progress_bar
from foretell.reports.page import check_report_path
from foretell.words import counted

#: Exit status of a run that Ctrl-C ended, as shells have it.
EXIT_INTERRUPTED = 130


@dataclass(frozen=True)
class BenchOptions:
    """The options of `foretell bench`; `foretell bench --help` explains them."""

    workload: Workload = field(default_factory=Workload)
    recipes: Sequence[str] = ()
    repeats: int = 1
    time_budget: str | None = None
    remeasure: bool = False
    peers: Sequence[str] = ()
    peer_prompts: int = 8
    assistant: str | None = None
    model: str | None = None
    threads: int | None = None
    report: Path | None = None
    per_prompt: Path | None = None

    def check(self) -> None:
        """Refuse wrong options before a model is loaded. Raises UserError naming the option."""
        self.workload.check()
        check_at_least("--repeats", self.repeats, 1)
        check_at_least("--peer-prompts", self.peer_prompts, 0)
        if self.peers and self.workload.temperature > 0:
            raise UserError(f"--temperature {self.workload.temperature} with --peers: peers are compared greedily; drop one of them")
        if self.peers and self.workload.batch > 1:
            raise UserError(f"--batch {self.workload.batch} with --peers: peers decode one text at a time; drop one of them")
        check_report_path(self.report)
        check_per_prompt_path(self.per_prompt)
        if self.time_budget is not None:
            parse_seconds(self.time_budget, "--time-budget")
        read_named(self.recipes)


def run_bench(options: BenchOptions, load: Callable[[], Model], as_json: bool) -> int:
    """Measure, print and write the report and the file of measurements; returns the exit status.

    load: gives the model. as_json: print one line of JSON instead of tables.
    """
    report = measure(options, load())
    if options.report is not None:
        from foretell.bench.page import write_report

        write_report(report, options.report)
    if as_json:
        print(json.dumps(report.to_dict()))
    else:
        from foretell.bench.tables import make_console, print_report

        console = make_console()
        print_report(report, console)
        for what, path in (("report", options.report), ("per prompt", options.per_prompt)):
            if path is not None:
                console.print(f"{what}: {path}", markup=False, highlight=False, soft_wrap=True)
    return EXIT_INTERRUPTED if report.ended == INTERRUPTED else 0


def measure(options: BenchOptions, model: Model) -> BenchReport:
    """Run all recipes and peers, write the file of measurements where one is wanted, and sum up."""
    workload = options.workload
    groups = workload.groups(model)
    num = sum(len(group.tasks) for group in groups)
    settings: dict[str, Any] = {
        "max_new_tokens": workload.max_new_tokens,
        "repeats": options.repeats,
        "batch": workload.batch,
        "temperature": workload.temperature,
        "stop": workload.stop,
        "threads": options.threads or usable_processors(),
    }
    prompts = f"{counted(num, 'prompt')} of {workload.source}"
    provenance = Provenance(model_title(options.model, model), prompts, settings)
    curve = curve_of(model, options.remeasure)
    arms: list[Arm] = recipe_arms([PLAIN, *(read_named(options.recipes) or default_recipes(model))], model)
    left_out: dict[str, str] = {}
    if options.peers:
        peers, left_out = _peers(options, groups, model)
        arms += peers
    budget = parse_seconds(options.time_budget, "--time-budget") if options.time_budget else None
    with progress_bar("bench") as progress:
        result = run(arms, groups, workload.setting(model), options.repeats, budget, progress)
    if options.per_prompt is not None:
        write_per_prompt(result, arms, options.per_prompt)
    return make_report(result, arms, curve, provenance, left_out)


def _peers(options: BenchOptions, groups: Sequence[Group], model: Model) -> tuple[Sequence[Arm], dict[str, str]]:
    """Arms of the peers that can run, and the reasons why others cannot."""
    from foretell.bench.peers.base import PeerSetup
    from foretell.bench.peers.selection import peer_arms
    from foretell.models.locate import locate

    longest = max(len(task.tokens) for group in groups for task in group.tasks)
    context = -(-(longest + options.workload.max_new_tokens + 32) // 256) * 256
    assistant = locate(options.assistant) if options.assistant else None
    setup = PeerSetup(locate(options.model), options.threads or usable_processors(), context, assistant, str(model.device))
    return peer_arms(options.peers, setup, options.peer_prompts or None)
