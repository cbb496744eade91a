"""`foretell bench`: recipes and other programs side by side."""

from __future__ import annotations

from typing import Annotated

import typer

from foretell.cli.common.options import Device, Dtype, ModelName, ReportFile, RouterText, Small, Threads, switch

_RECIPES = (
    "A recipe to measure, or a recipe file; repeatable. Plain is always measured. By default: each train-free drafter, the "
    "default recipe, and a union."
)
_PEERS = "Another program on the same weights, repeatable: transformers, llama-cpp, openvino, a variant of theirs, or all."


def bench(
    recipes: Annotated[list[str] | None, typer.Option("--recipes", "--recipe", "-r", metavar="TEXT|FILE.toml", help=_RECIPES)] = None,
    prompts: Annotated[
        str, typer.Option("--prompts", metavar="FILE", help="Spec-Bench's JSONL, or text with a prompt a line; `builtin` is our own set.")
    ] = "builtin",
    limit: Annotated[int | None, typer.Option(metavar="N", help="Number of prompts, spread over their kinds; all by default.")] = None,
    max_new_tokens: Annotated[int, typer.Option("--max-new-tokens", "-n", metavar="N", help="Length of each text.")] = 96,
    repeats: Annotated[int, typer.Option(metavar="N", help="Number of repeats, each with empty memories.")] = 1,
    batch: Annotated[int, typer.Option(metavar="N", help="Prompts decoded together.")] = 1,
    temperature: Annotated[float, typer.Option("--temperature", "-t", metavar="X", help="0 is greedy.")] = 0.0,
    stop: Annotated[bool, switch("stop", "End texts at stop tokens, where by default all have the same length.")] = False,
    time_budget: Annotated[
        str | None, typer.Option("--time-budget", metavar="TIME", help="Begin no round that would end later: 90s, 5m, 1h.")
    ] = None,
    remeasure: Annotated[bool, switch("remeasure", "Measure the cost curve again, in place of the stored one.")] = False,
    peers: Annotated[list[str] | None, typer.Option("--peers", "--peer", metavar="NAME", help=_PEERS, rich_help_panel="Peers")] = None,
    peer_prompts: Annotated[
        int, typer.Option(metavar="N", help="Number of prompts for peers, which are slow; 0 is all.", rich_help_panel="Peers")
    ] = 8,
    assistant: Annotated[
        str | None, typer.Option(metavar="PATH|ID", help="The smaller model of transformers-assisted.", rich_help_panel="Peers")
    ] = None,
    model: ModelName = None,
    small: Small = None,
    router: RouterText = None,
    dtype: Dtype = None,
    device: Device = None,
    threads: Threads = None,
    report: ReportFile = None,
    as_json: Annotated[bool, switch("json", "Print nothing but the last line, which is JSON.", "Output")] = False,
) -> None:
    """Compare recipes with plain decoding, and with other programs, on your prompts.

    Arms take turns on each prompt, in rotating order; ratios are paired by prompt. Ctrl-C reports what was finished. The last
    line of the output is JSON.
    """
    from foretell.bench.command import BenchOptions, run_bench
    from foretell.bench.workload import Workload
    from foretell.cli.common.options import load_model

    workload = Workload(prompts, limit, max_new_tokens, batch, temperature, stop)
    options = BenchOptions(
        workload, recipes or [], repeats, time_budget, remeasure, peers or [], peer_prompts, assistant, model, threads, report
    )
    options.check()
    raise typer.Exit(run_bench(options, lambda: load_model(model, dtype, device, threads, small, router), as_json))
