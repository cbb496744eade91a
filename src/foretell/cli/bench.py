"""`foretell bench`: recipes and other programs side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from foretell.cli.common.options import Device, Dtype, ModelName, ReportFile, RouterText, Small, Threads, number, switch

KEEPS_RESULTS = True
EXAMPLES = (
    "foretell bench --limit 8",
    'foretell bench -r "prompt-lookup | token-recycling" -r adaptive-ngram --time-budget 5m',
)
_RECIPES = (
    "A recipe to measure, or a recipe file; NAME=RECIPE gives it a short name in tables; repeatable. Plain decoding is always measured. By "
    "default: each drafter that needs no training, and the default recipes."
)
_PEERS = "Another program with the same weights: transformers, llama-cpp, openvino, one of their variants, or all; repeatable."
_PER_PROMPT = "Write every measurement to a file, a line for each recipe, prompt and repeat."


def bench(
    recipes: Annotated[
        list[str] | None, typer.Option("--recipes", "--recipe", "-r", metavar="[NAME=]TEXT|FILE.toml", help=_RECIPES)
    ] = None,
    prompts: Annotated[
        str,
        typer.Option(
            "--prompts",
            metavar="FILE",
            help="A JSONL file in Spec-Bench's format, or a text file with one prompt a line; `builtin` is our own set.",
        ),
    ] = "builtin",
    limit: Annotated[
        int | None, typer.Option(metavar="N", help="Use at most N prompts, spread over their kinds. Fewer than 8 show nothing.")
    ] = None,
    max_new_tokens: Annotated[int, typer.Option("--max-new-tokens", "-n", metavar="N", help="Number of tokens of each text.")] = 96,
    repeats: Annotated[int, typer.Option(metavar="N", help="Repeat all measurements N times, each time with empty drafter memories.")] = 1,
    batch: Annotated[int, typer.Option(metavar="N", help="Batch size: prompts decoded together.")] = 1,
    temperature: Annotated[
        float, typer.Option("--temperature", "-t", metavar="X", help="Sampling temperature; 0 is greedy decoding.")
    ] = 0.0,
    stop: Annotated[bool, switch("stop", "End texts at stop tokens. By default all texts have the same length.")] = False,
    time_budget: Annotated[
        str | None, typer.Option("--time-budget", metavar="TIME", help="Start no round that would not end within this time: 90s, 5m, 1h.")
    ] = None,
    remeasure: Annotated[bool, switch("remeasure", "Measure the cost curve again instead of using the stored one.")] = False,
    peers: Annotated[list[str] | None, typer.Option("--peers", "--peer", metavar="NAME", help=_PEERS, rich_help_panel="Peers")] = None,
    peer_prompts: Annotated[
        int,
        typer.Option(
            metavar="N",
            help="Run other programs on the first N prompts only, because they are slow; 0 is all prompts.",
            rich_help_panel="Peers",
        ),
    ] = 8,
    assistant: Annotated[
        str | None,
        typer.Option(metavar="PATH|ID", help="The smaller model that transformers-assisted drafts with.", rich_help_panel="Peers"),
    ] = None,
    model: ModelName = None,
    small: Small = None,
    router: RouterText = None,
    dtype: Dtype = None,
    device: Device = None,
    threads: Threads = None,
    report: ReportFile = None,
    per_prompt: Annotated[Path | None, number("per-prompt", "FILE.csv|FILE.jsonl", "Output", _PER_PROMPT)] = None,
    as_json: Annotated[bool, switch("json", "Print one line of JSON instead of tables.", "Output")] = False,
) -> None:
    """Measure recipes against plain decoding and other programs on your prompts.

    Every recipe is warmed up at full length and decodes each prompt, in rotating order; ratios are paired by prompt. Ctrl-C stops and
    reports what was finished.

    Examples: `foretell bench -r copy=prompt-lookup -r "both=prompt-lookup | token-recycling"` compares two recipes with plain decoding;
    `foretell bench --prompts my.txt --repeats 3 --report bench.html --per-prompt bench.csv` keeps all that was measured.
    """
    from foretell.bench.command import BenchOptions, run_bench
    from foretell.bench.workload import Workload
    from foretell.cli.common.options import load_model

    workload = Workload(prompts, limit, max_new_tokens, batch, temperature, stop)
    options = BenchOptions(
        workload, recipes or [], repeats, time_budget, remeasure, peers or [], peer_prompts, assistant, model, threads, report, per_prompt
    )
    options.check()
    raise typer.Exit(run_bench(options, lambda: load_model(model, dtype, device, threads, small, router), as_json))
