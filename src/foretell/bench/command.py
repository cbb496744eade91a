"""What `foretell bench` does, from options to the last line."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foretell.bench.arms import Arm, Setting, recipe_arms
from foretell.bench.defaults import default_recipes
from foretell.bench.duration import parse_seconds
from foretell.bench.machine import describe_machine, describe_versions, usable_processors
from foretell.bench.progress import progress_bar
from foretell.bench.prompts import BUILTIN, read_prompts, spread
from foretell.bench.report import BenchReport, make_report
from foretell.bench.runner import INTERRUPTED, run
from foretell.bench.summary import PLAIN
from foretell.bench.tasks import make_groups, make_tasks
from foretell.decoding.pacing.measured_curve import curve_of
from foretell.decoding.recipe import Recipe
from foretell.decoding.sampling_options import make_sampler
from foretell.errors import UserError
from foretell.models.base import Model

#: Exit code of a run that Ctrl-C ended, as shells have it.
EXIT_INTERRUPTED = 130


@dataclass(frozen=True)
class Options:
    """The options of `foretell bench`, as there."""

    recipes: list[str] | None = None
    prompts: str = BUILTIN
    limit: int | None = None
    max_new_tokens: int = 96
    repeats: int = 1
    batch: int = 1
    temperature: float = 0.0
    stop: bool = False
    time_budget: str | None = None
    remeasure: bool = False
    peers: list[str] | tuple[str, ...] = ()
    peer_prompts: int = 8
    assistant: str | None = None
    model: str | None = None
    threads: int | None = None
    report: Path | None = None

    def check(self) -> None:
        """Refuse what can be refused before a model is loaded."""
        for name, least in (("max_new_tokens", 1), ("repeats", 1), ("batch", 1), ("peer_prompts", 0)):
            if getattr(self, name) < least:
                raise UserError(f"--{name.replace('_', '-')} {getattr(self, name)!r} must be at least {least}")
        if self.peers and self.temperature > 0:
            raise UserError(f"--temperature {self.temperature} with --peers: peers are compared greedily; drop one of them")
        if self.peers and self.batch > 1:
            raise UserError(f"--batch {self.batch} with --peers: peers decode one text at a time; drop one of them")
        if self.report is not None and not self.report.parent.is_dir():
            raise UserError(f"--report {str(self.report)!r}: the folder {str(self.report.parent)!r} does not exist; create it first")
        if self.time_budget is not None:
            parse_seconds(self.time_budget, "--time-budget")
        spread(read_prompts(self.prompts), self.limit)
        for recipe in self.recipes or ():
            read_recipe(recipe)


def read_recipe(text: str) -> Recipe:
    """A recipe's short text, or a file's."""
    return Recipe.read(Path(text).expanduser()) if text.strip().endswith(".toml") else Recipe.parse(text)


def run_bench(options: Options, load: Callable[[], Model], as_json: bool) -> int:
    """Measure, print, write; returns the exit code."""
    report = measure(options, load())
    if options.report is not None:
        from foretell.bench.page.page import write_page

        write_page(report, options.report)
    if not as_json:
        from foretell.bench.tables import make_console, print_report

        console = make_console()
        print_report(report, console)
        if options.report is not None:
            console.print(f"report: {options.report}", markup=False, highlight=False, soft_wrap=True)
    print(json.dumps(report.to_dict()))
    return EXIT_INTERRUPTED if report.ended == INTERRUPTED else 0


def measure(options: Options, model: Model) -> BenchReport:
    """Run all arms and sum up."""
    machine, versions = describe_machine(), describe_versions()
    prompts = spread(read_prompts(options.prompts), options.limit)
    groups = make_groups(make_tasks(prompts, model, options.max_new_tokens), options.batch)
    stops: frozenset[int] = model.tokenizer.stop_tokens if options.stop and model.tokenizer is not None else frozenset()
    setting = Setting(options.max_new_tokens, make_sampler(temperature=options.temperature), stops)
    curve = curve_of(model, options.remeasure)
    arms: list[Arm] = recipe_arms([PLAIN, *(read_named(options.recipes) if options.recipes else default_recipes(model))], model)
    left_out: dict[str, str] = {}
    if options.peers:
        found, left_out = _peers(options, groups, model)
        arms += found
    budget = parse_seconds(options.time_budget, "--time-budget") if options.time_budget else None
    with progress_bar("bench") as report:
        result = run(arms, groups, setting, options.repeats, budget, report)
    settings: dict[str, Any] = {
        "max_new_tokens": options.max_new_tokens,
        "repeats": options.repeats,
        "batch": options.batch,
        "temperature": options.temperature,
        "stop": options.stop,
        "threads": options.threads or usable_processors(),
    }
    named = "our own set" if options.prompts == BUILTIN else Path(options.prompts).name
    count = f"{len(prompts)} {'prompt' if len(prompts) == 1 else 'prompts'} of {named}"
    title = f"{options.model or 'SmolLM2-135M-Instruct (the default model)'}, {model.fingerprint.split('-', 1)[-1]}"
    return make_report(result, arms, curve, title, count, settings, machine, versions, left_out)


def read_named(recipes: list[str]) -> list[str | Recipe]:
    """Short texts as they are, so that arms are called as the user called them; files read."""
    return [read_recipe(text) if text.strip().endswith(".toml") else text for text in recipes]


def _peers(options: Options, groups: Any, model: Model) -> tuple[list[Any], dict[str, str]]:
    from foretell.bench.peers.base import Place
    from foretell.bench.peers.selection import peer_arms
    from foretell.models.locate import locate

    longest = max(len(task.tokens) for group in groups for task in group.tasks)
    context = -(-(longest + options.max_new_tokens + 32) // 256) * 256
    assistant = locate(options.assistant) if options.assistant else None
    place = Place(locate(options.model), options.threads or usable_processors(), context, assistant, str(model.device))
    return peer_arms(options.peers, place, options.peer_prompts or None)
