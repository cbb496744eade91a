"""What `foretell tune` does, from options to the recipe file."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from foretell.bench.arms import Arm, Setting, recipe_arms
from foretell.bench.command import EXIT_INTERRUPTED
from foretell.bench.duration import parse_seconds, show_seconds
from foretell.bench.machine import describe_machine, describe_versions, usable_processors
from foretell.bench.progress import progress_bar
from foretell.bench.prompts import BUILTIN, read_prompts, spread
from foretell.bench.report import make_report
from foretell.bench.runner import INTERRUPTED
from foretell.bench.summary import PLAIN
from foretell.bench.tasks import make_groups, make_tasks
from foretell.bench.tuning.by_kind import best_by_kind
from foretell.bench.tuning.candidates import compositions, singles
from foretell.bench.tuning.halving import Rung, halve
from foretell.bench.tuning.outcome import Tuning
from foretell.bench.tuning.tuned_recipe import LOCAL, tuned_path
from foretell.bench.tuning.verdict import explain, judge
from foretell.decoding.pacing.measured_curve import curve_of
from foretell.decoding.recipe import Recipe
from foretell.decoding.sampling_options import make_sampler
from foretell.errors import UserError
from foretell.models.base import Model
from foretell.prepare import default_recipe


@dataclass(frozen=True)
class Options:
    """The options of `foretell tune`, as there."""

    prompts: str = BUILTIN
    limit: int | None = None
    budget: str = "5m"
    max_new_tokens: int = 96
    batch: int = 1
    temperature: float = 0.0
    allow_lossy: bool = False
    dry_run: bool = False
    output: Path | None = None
    model: str | None = None
    threads: int | None = None
    report: Path | None = None
    recipes: tuple[Recipe, ...] = ()
    by_kind: bool = False

    def check(self) -> None:
        """Refuse what can be refused before a model is loaded."""
        for name in ("max_new_tokens", "batch"):
            if getattr(self, name) < 1:
                raise UserError(f"--{name.replace('_', '-')} {getattr(self, name)!r} must be at least 1")
        for name in ("output", "report"):
            path = getattr(self, name)
            if path is not None and not path.parent.is_dir():
                raise UserError(f"--{name} {str(path)!r}: the folder {str(path.parent)!r} does not exist; create it first")
        if self.output is not None and self.output.suffix != ".toml":
            raise UserError(f"--output {str(self.output)!r} must end in .toml, as recipes are read by that name")
        parse_seconds(self.budget, "--budget")
        spread(read_prompts(self.prompts), self.limit)


def run_tune(options: Options, load: Callable[[], Model], as_json: bool) -> int:
    """Measure, print, write; returns the exit code."""
    from foretell.bench.tables import make_console
    from foretell.bench.tuning.show import kinds_table, ladder_table, print_rung, print_tuning

    model, console = load(), make_console()
    tuning = tune(options, model, after=(lambda rung: None) if as_json else lambda rung: print_rung(rung, console))
    interrupted = tuning.report.ended == INTERRUPTED
    target = options.output or tuned_path(model)
    written = None
    if not options.dry_run and not interrupted:
        target.parent.mkdir(parents=True, exist_ok=True)
        tuning.verdict.recipe.write(target, explain(tuning.verdict, tuning.rungs, tuning.report))
        written = str(target)
    if options.report is not None:
        from foretell.bench.page.page import write_page

        tables = [ladder_table(tuning), *([kinds_table(tuning)] if tuning.kinds else [])]
        write_page(tuning.report, options.report, "Foretell tune", tables, f"{tuning.verdict.why}.")
    if not as_json:
        print_tuning(tuning, console)
        console.print(_where(written, interrupted, options), style="bold", markup=False, highlight=False)
        if options.report is not None:
            console.print(f"report: {options.report}", markup=False, highlight=False, soft_wrap=True)
    print(json.dumps({**tuning.to_dict(), "written": written}))
    return EXIT_INTERRUPTED if interrupted else 0


def tune(options: Options, model: Model, after: Callable[[Rung], None] = lambda rung: None) -> Tuning:
    """Measure and judge; writes nothing."""
    machine, versions = describe_machine(), describe_versions()
    prompts = spread(read_prompts(options.prompts), options.limit)
    groups = make_groups(make_tasks(prompts, model, options.max_new_tokens), options.batch)
    setting = Setting(options.max_new_tokens, make_sampler(temperature=options.temperature))
    curve = curve_of(model, remeasure=True)  # the choice should rest on today's machine

    def arms_of(recipes: Sequence[Recipe]) -> list[Arm]:
        return recipe_arms([PLAIN, *recipes], model)

    with progress_bar("tune") as progress:
        budget = parse_seconds(options.budget, "--budget")
        overall = budget / 2 if options.by_kind else budget
        first = singles(options.allow_lossy, [*options.recipes, default_recipe(model)])
        rungs = halve(first, compositions, arms_of, groups, setting, overall, progress, after)
        kinds = []
        if options.by_kind and rungs[-1].run.ended != INTERRUPTED:
            tried = rungs[min(2, len(rungs) - 1)].recipes  # what is left of all of them and of their compositions
            kinds = best_by_kind(tried, arms_of, groups, setting, budget / 2, progress)
    settings = {
        "max_new_tokens": options.max_new_tokens,
        "budget": show_seconds(budget),
        "batch": options.batch,
        "temperature": options.temperature,
        "threads": options.threads or usable_processors(),
    }
    named = "our own set" if options.prompts == BUILTIN else Path(options.prompts).name
    last = rungs[-1]
    if last.run.ended != INTERRUPTED:
        last.run.ended = ""  # to spend the budget is what a rung is for
    finished = len({sample.group for sample in last.run.samples})
    title = f"{options.model or 'SmolLM2-135M-Instruct (the default model)'}, {model.fingerprint.split('-', 1)[-1]}"
    words = f"{finished} of {len(groups)} prompts of {named} in the last rung"
    report = make_report(last.run, last.arms, curve, title, words, settings, machine, versions, {})
    report.seconds = sum(rung.run.seconds for rung in rungs)
    return Tuning(rungs, report, judge(rungs, report), kinds)


def _where(written: str | None, interrupted: bool, options: Options) -> str:
    if interrupted:
        return "Interrupted, so nothing was written."
    if written is None:
        return "Nothing was written (--dry-run)."
    hidden = Path(LOCAL).is_file() and Path(LOCAL).resolve() != Path(written).resolve()
    note = f" (but {LOCAL} in this folder goes before it)" if hidden else ""
    used = "`foretell generate` uses it from now on" if options.output is None else f"use it with --recipe {written}"
    return f"Wrote {written}; {used}{note}."
