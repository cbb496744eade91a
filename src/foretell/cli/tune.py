"""`foretell tune`: find the fastest recipe for a model, a machine and prompts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from foretell.cli.common.options import Device, Dtype, ModelName, ReportFile, Threads, number, switch

KEEPS_RESULTS = True
EXAMPLES = ("foretell tune --budget 5m", "foretell tune --prompts prompts.txt --dry-run")
_PROMPTS = "A JSONL file in Spec-Bench's format, or a text file with one prompt a line; `builtin` is our own set."
_RECIPE = "Try this recipe too, with the variants that its drafter offers, such as other thresholds; repeatable."
_OUTPUT = "Write the recipe to this file instead of the one that `foretell generate` reads by default."


def tune(
    prompts: Annotated[str, typer.Option("--prompts", metavar="FILE", help=_PROMPTS)] = "builtin",
    budget: Annotated[str, typer.Option("--budget", "-b", metavar="TIME", help="Time to measure: 90s, 5m, 1h.")] = "5m",
    limit: Annotated[int | None, typer.Option(metavar="N", help="Use at most N prompts, spread over their kinds.")] = None,
    max_new_tokens: Annotated[int, typer.Option("--max-new-tokens", "-n", metavar="N", help="Number of tokens of each text.")] = 96,
    batch: Annotated[int, typer.Option(metavar="N", help="Batch size: prompts decoded together; choose what you will use.")] = 1,
    temperature: Annotated[
        float, typer.Option("--temperature", "-t", metavar="X", help="Sampling temperature; 0 is greedy decoding.")
    ] = 0.0,
    allow_lossy: Annotated[bool, switch("allow-lossy", "Try lossy recipes too, whose text may differ from the model's own.")] = False,
    recipe: Annotated[list[str] | None, typer.Option("--recipe", "-r", metavar="TEXT|FILE.toml", show_default=False, help=_RECIPE)] = None,
    by_kind: Annotated[bool, switch("by-kind", "Also find the best recipe for each kind of prompt, in half of the time.")] = False,
    model: ModelName = None,
    dtype: Dtype = None,
    device: Device = None,
    threads: Threads = None,
    output: Annotated[Path | None, number("output", "FILE.toml", "Output", _OUTPUT, "-o")] = None,
    dry_run: Annotated[bool, switch("dry-run", "Write no recipe.", "Output")] = False,
    report: ReportFile = None,
    reset: Annotated[bool, switch("reset", "Only remove the recipe that an earlier run wrote for this model.", "Output")] = False,
    as_json: Annotated[bool, switch("json", "Print one line of JSON instead of tables.", "Output")] = False,
) -> None:
    """Find the fastest recipe for your model, machine and prompts, and make it the default.

    Recipes are measured side by side with plain decoding, and the faster half goes on. The best one is then measured afresh, on other
    prompts where there are 16 or more. Its recipe file is written only if that shows it to be faster (99 % confidence); with fewer than 8
    prompts nothing is concluded. Only exact recipes are tried.

    Examples: `foretell tune --prompts my.txt --budget 10m` writes the recipe for your prompts; `foretell tune --reset` removes it.
    """
    from foretell.bench.named_recipe import read_recipe
    from foretell.bench.tuning.command import TuneOptions, run_tune
    from foretell.bench.workload import Workload
    from foretell.cli.common.options import load_model

    named = tuple(read_recipe(text) for text in recipe or ())
    workload = Workload(prompts, limit, max_new_tokens, batch, temperature)
    options = TuneOptions(workload, budget, allow_lossy, by_kind, named, model, threads, output, dry_run, report, reset)
    options.check()
    raise typer.Exit(run_tune(options, lambda: load_model(model, dtype, device, threads), as_json))
