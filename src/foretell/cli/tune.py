"""`foretell tune`: find the recipe for this model, this machine and these prompts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from foretell.cli.common.options import Device, Dtype, ModelName, ReportFile, Threads, number, switch

_PROMPTS = "Spec-Bench's JSONL, or text with a prompt a line; `builtin` is our own set."
_RECIPE = "Try this recipe as well, with all variants of its drafter (such as a nested draft's thresholds); repeatable."
_OUTPUT = "Write the recipe to this file, in place of the one that `foretell generate` reads."


def tune(
    prompts: Annotated[str, typer.Option("--prompts", metavar="FILE", help=_PROMPTS)] = "builtin",
    budget: Annotated[str, typer.Option("--budget", "-b", metavar="TIME", help="How long to measure: 90s, 5m, 1h.")] = "5m",
    limit: Annotated[int | None, typer.Option(metavar="N", help="Number of prompts, spread over their kinds; all by default.")] = None,
    max_new_tokens: Annotated[int, typer.Option("--max-new-tokens", "-n", metavar="N", help="Length of each text.")] = 96,
    batch: Annotated[int, typer.Option(metavar="N", help="Prompts decoded together, as in your use.")] = 1,
    temperature: Annotated[float, typer.Option("--temperature", "-t", metavar="X", help="0 is greedy.")] = 0.0,
    allow_lossy: Annotated[bool, switch("allow-lossy", "Try lossy recipes as well, whose text may differ from the model's own.")] = False,
    recipe: Annotated[list[str] | None, typer.Option("--recipe", "-r", metavar="TEXT|FILE.toml", show_default=False, help=_RECIPE)] = None,
    by_kind: Annotated[bool, switch("by-kind", "Find the best recipe for each kind of prompt as well, in half of the time.")] = False,
    model: ModelName = None,
    dtype: Dtype = None,
    device: Device = None,
    threads: Threads = None,
    output: Annotated[Path | None, number("output", "FILE.toml", "Output", _OUTPUT, "-o")] = None,
    dry_run: Annotated[bool, switch("dry-run", "Write no recipe.", "Output")] = False,
    report: ReportFile = None,
    as_json: Annotated[bool, switch("json", "Print nothing but the last line, which is JSON.", "Output")] = False,
) -> None:
    """Find the fastest recipe for your model, machine and prompts, and use it from now on.

    Recipes are measured side by side with plain decoding; the faster half goes on to more prompts, until the budget is spent.
    Only exact recipes are tried, and plain decoding is kept unless one is significantly faster. The recipe file states the reasons.
    """
    from foretell.bench.tuning.command import TuneOptions, run_tune
    from foretell.bench.workload import Workload
    from foretell.cli.common.options import load_model, read_recipe

    named = tuple(read_recipe(text) for text in recipe or ())
    workload = Workload(prompts, limit, max_new_tokens, batch, temperature)
    options = TuneOptions(workload, budget, allow_lossy, by_kind, named, model, threads, output, dry_run, report)
    options.check()
    raise typer.Exit(run_tune(options, lambda: load_model(model, dtype, device, threads), as_json))
