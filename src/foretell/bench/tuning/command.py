"""`foretell tune`, from its options to the recipe file."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from foretell.bench.arms import Arm, recipe_arms
from foretell.bench.command import EXIT_INTERRUPTED
from foretell.bench.duration import parse_seconds
from foretell.bench.machine import usable_processors
from foretell.bench.named_recipe import PLAIN, NamedRecipe
from foretell.bench.report import Provenance, make_report
from foretell.bench.runner import INTERRUPTED
from foretell.bench.tuning.by_kind import best_by_kind
from foretell.bench.tuning.candidates import compositions, singles
from foretell.bench.tuning.halving import Rung
from foretell.bench.tuning.outcome import TuningResult
from foretell.bench.tuning.trial import choose
from foretell.bench.tuning.tuned_recipe import LOCAL, find_tuned, tuned_path
from foretell.bench.tuning.verdict import explain, judge
from foretell.bench.workload import Workload, model_title
from foretell.decoding.pacing.measured_curve import curve_of
from foretell.decoding.recipe import Recipe
from foretell.errors import UserError
from foretell.files import check_output_path
from foretell.models.base import Model
from foretell.prepare import default_recipe
from foretell.progress import progress_bar, show_seconds
from foretell.reports.page import check_report_path
from foretell.words import counted


@dataclass(frozen=True)
class TuneOptions:
    """The options of `foretell tune`; `foretell tune --help` explains them. recipes: named by the user, tried beside the others."""

    workload: Workload = field(default_factory=Workload)
    budget: str = "5m"
    allow_lossy: bool = False
    by_kind: bool = False
    recipes: tuple[Recipe, ...] = ()
    model: str | None = None
    threads: int | None = None
    output: Path | None = None
    dry_run: bool = False
    report: Path | None = None
    reset: bool = False

    def check(self) -> None:
        """Refuse wrong options before a model is loaded. Raises UserError naming the option."""
        self.workload.check()
        for option, given in (("--output", self.output), ("--report", self.report), ("--dry-run", self.dry_run)):
            if self.reset and given:
                raise UserError(f"--reset with {option}: it only removes what `foretell tune` wrote; drop one of them")
        check_output_path(self.output, "--output")
        check_report_path(self.report)
        if self.output is not None and self.output.suffix != ".toml":
            raise UserError(f"--output {str(self.output)!r} must end in .toml, by which recipe files are known")
        parse_seconds(self.budget, "--budget")


def run_tune(options: TuneOptions, load: Callable[[], Model], as_json: bool) -> int:
    """Measure, print, and write the recipe and the report, or with `reset` only remove the recipe; returns the exit status.

    load: gives the model. as_json: print one line of JSON instead of tables.
    """
    from foretell.bench.tables import make_console
    from foretell.bench.tuning.show import kinds_table, ladder_table, print_rung, print_tuning, recipes_in_full

    model, console = load(), make_console()
    if options.reset:
        return _reset(model, as_json)
    tuning = tune(options, model, after=(lambda rung: None) if as_json else lambda rung: print_rung(rung, console))
    interrupted = tuning.report.ended == INTERRUPTED
    target = options.output or tuned_path(model)
    written = None
    if not options.dry_run and not interrupted and tuning.verdict.is_decided:
        target.parent.mkdir(parents=True, exist_ok=True)
        tuning.verdict.recipe.write(target, explain(tuning.verdict, tuning.rungs, tuning.report))
        written = str(target)
    if options.report is not None:
        from foretell.bench.page import write_report

        tables = [ladder_table(tuning), recipes_in_full(tuning), *([kinds_table(tuning)] if tuning.kinds else [])]
        write_report(tuning.report, options.report, "Foretell tune", tables, f"{tuning.verdict.why}.")
    if as_json:
        print(json.dumps({**tuning.to_dict(), "written": written}))
    else:
        print_tuning(tuning, console)
        console.print(_where(written, interrupted, options, model, tuning), style="bold", markup=False, highlight=False, soft_wrap=True)
        if options.report is not None:
            console.print(f"report: {options.report}", markup=False, highlight=False, soft_wrap=True)
    return EXIT_INTERRUPTED if interrupted else 0


def _reset(model: Model, as_json: bool) -> int:
    """Remove the recipe that an earlier run wrote for this model, and say so."""
    path = tuned_path(model)
    removed = path.is_file()
    path.unlink(missing_ok=True)
    if as_json:
        print(json.dumps({"removed": str(path) if removed else None}))
    else:
        print(f"Removed {path}; the default recipe is used again." if removed else f"Nothing to remove: there is no {path}.")
    return 0


def tune(options: TuneOptions, model: Model, after: Callable[[Rung], None] = lambda rung: None) -> TuningResult:
    """Choose a candidate, measure it afresh and judge; writes nothing. after: told of each finished rung."""
    workload, budget = options.workload, parse_seconds(options.budget, "--budget")
    settings = {
        "max_new_tokens": workload.max_new_tokens,
        "budget": show_seconds(budget),
        "batch": workload.batch,
        "temperature": workload.temperature,
        "threads": options.threads or usable_processors(),
    }
    provenance = Provenance(model_title(options.model, model), "", settings)
    groups, setting = workload.groups(model), workload.setting(model)
    curve = curve_of(model, remeasure=True)  # the choice should rest on the machine as it is today
    arms_of = _ArmMaker(model)

    with progress_bar("tune") as progress:
        overall = budget / 2 if options.by_kind else budget
        first = singles(options.allow_lossy, [*options.recipes, default_recipe(model)])
        rungs, trial = choose(first, compositions, arms_of, groups, setting, overall, progress, after)
        kinds = []
        if options.by_kind and trial.run.ended != INTERRUPTED:
            tried = rungs[min(2, len(rungs) - 1)].recipes  # the best of the first rung and of the compositions
            kinds = best_by_kind(tried, arms_of, groups, setting, budget / 2, progress)
    others = "others than those that chose it" if len(trial.run.groups) < len(groups) else "those that chose it, measured anew"
    prompts = f"the chosen recipe on {trial.run.num_groups} of {counted(len(groups), 'prompt')} of {workload.source}, {others}"
    report = make_report(trial.run, trial.arms, curve, replace(provenance, prompts=prompts))
    report.seconds = sum(rung.run.seconds for rung in rungs) + trial.run.seconds
    return TuningResult(rungs, report, judge(trial.recipe, report), kinds)


class _ArmMaker:
    """From recipes to plain decoding's arm and theirs. A recipe keeps its arm, so that it is warmed up and named once."""

    def __init__(self, model: Model) -> None:
        self.model, self._arms = model, dict[Recipe, Arm]()

    def __call__(self, recipes: Sequence[Recipe]) -> list[Arm]:
        wanted = [Recipe.parse(PLAIN), *recipes]
        new = [recipe for recipe in wanted if recipe not in self._arms]
        known = [NamedRecipe(arm.name, recipe) for recipe, arm in self._arms.items()]
        made = recipe_arms([*known, *new], self.model)[len(known) :]
        self._arms.update(zip(new, made, strict=True))
        return [self._arms[recipe] for recipe in dict.fromkeys(wanted)]


def _where(written: str | None, interrupted: bool, options: TuneOptions, model: Model, tuning: TuningResult) -> str:
    """What was written, or why nothing was, and what is used from now on."""
    if interrupted:
        return "Interrupted, so nothing was written."
    if options.dry_run:
        return "Nothing was written (--dry-run)."
    if written is None:
        earlier = find_tuned(model)
        stays = (
            f"{earlier} stays in use (`foretell tune --reset` removes it)" if earlier == tuned_path(model) else "the default recipe stays"
        )
        return f"Nothing was written: {'nothing is shown to be faster' if tuning.verdict.summary else 'nothing was tried'}; {stays}."
    hidden = Path(LOCAL).is_file() and Path(LOCAL).resolve() != Path(written).resolve()
    note = f" (but {LOCAL} in this folder goes before it)" if hidden else ""
    used = "`foretell generate` uses it from now on" if options.output is None else f"use it with --recipe {written}"
    return f"Wrote {written}; {used}{note}."
