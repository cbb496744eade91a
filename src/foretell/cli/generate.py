"""`foretell generate`: generate text from a prompt."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from foretell.cli.common.options import (
    Device,
    Dtype,
    FrequencyPenalty,
    LogitBias,
    MinP,
    ModelName,
    ParseSpecial,
    PresencePenalty,
    RepetitionPenalty,
    RouterText,
    Small,
    Temperature,
    Threads,
    TopK,
    TopP,
    load_model,
    number,
    read_recipe,
    switch,
)
from foretell.cli.common.prompt import read_prompt
from foretell.cli.common.rules import (
    BoundsText,
    Choices,
    Closed,
    ConstraintText,
    GrammarSource,
    NoEnding,
    ParallelToolCalls,
    RegexText,
    Retries,
    SchemaSource,
    ShowSchema,
    ToolChoice,
    ToolsFile,
    read_rule,
)
from foretell.cli.common.sampling import check_sampling, read_bias

KEEPS_RESULTS = True
EXAMPLES = (
    'foretell generate "Name three rivers in Europe."',
    'foretell generate "Is this positive or negative? I love this film!" --choice positive --choice negative',
    """foretell generate "Invent a user." --schema '{"properties": {"name": {"type": "string"}}, "required": ["name"]}' --closed""",
)
_NAMES = ("temperature", "top_k", "top_p", "min_p", "repetition_penalty", "presence_penalty", "frequency_penalty")
_RECIPE = (
    "The drafter, verifier, pace and sampler. By default foretell.toml in this folder, else the recipe that `foretell tune` found for "
    "the model, else the default recipe; the last lines of the output show it."
)


def generate(
    prompt: Annotated[str | None, typer.Argument(help="The prompt; `-` or no argument reads standard input.", show_default=False)] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", metavar="PATH", help="Read the prompt from this file.")] = None,
    recipe: Annotated[str | None, typer.Option("--recipe", "-r", metavar="TEXT|FILE.toml", help=_RECIPE)] = None,
    max_new_tokens: Annotated[int, typer.Option("--max-new-tokens", "-n", metavar="N", help="Most tokens of the answer.")] = 256,
    stop: Annotated[
        list[str] | None, typer.Option(metavar="TEXT", help="A text that ends the answer and is not part of it; repeatable.")
    ] = None,
    system: Annotated[str | None, typer.Option(metavar="TEXT", help="A system message before the prompt.")] = None,
    raw: Annotated[bool, switch("raw", "Do not apply the model's chat template.")] = False,
    parse_special: ParseSpecial = False,
    schema: SchemaSource = None,
    regex: RegexText = None,
    grammar: GrammarSource = None,
    choice: Choices = None,
    tools: ToolsFile = None,
    tool_choice: ToolChoice = None,
    parallel_tool_calls: ParallelToolCalls = False,
    constraint: ConstraintText = None,
    closed: Closed = False,
    bounds: BoundsText = None,
    show_schema: ShowSchema = False,
    no_ending: NoEnding = False,
    retries: Retries = 0,
    model: ModelName = None,
    small: Small = None,
    router: RouterText = None,
    dtype: Dtype = None,
    device: Device = None,
    threads: Threads = None,
    temperature: Temperature = None,
    top_k: TopK = None,
    top_p: TopP = None,
    min_p: MinP = None,
    repetition_penalty: RepetitionPenalty = None,
    presence_penalty: PresencePenalty = None,
    frequency_penalty: FrequencyPenalty = None,
    logit_bias: LogitBias = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Random seed; the same seed gives the same text.", rich_help_panel="Sampling")] = 0,
    logprobs: Annotated[
        int | None, number("logprobs", "N", "Output", "Print each token's log-probability and the N most probable tokens.")
    ] = None,
    color: Annotated[
        bool, typer.Option("--color/--no-color", metavar="", help="Colour drafted tokens by their drafter.", rich_help_panel="Output")
    ] = False,
    as_json: Annotated[bool, switch("json", "Print one JSON object at the end instead of the text.", "Output")] = False,
    quiet: Annotated[bool, switch("quiet", "Print only the text.", "Output", "-q")] = False,
) -> None:
    """Generate text from a prompt and print it as it is generated.

    The text is written to standard output; speed, recipe and guarantee to standard error. Ctrl-C stops early. With a rule, the exit
    status is 1 if the answer has no value: it was cut, came to a dead end, or its value was rejected.
    """
    given = locals()
    sampling = {name: given[name] for name in _NAMES if given[name] is not None}
    text = read_prompt(prompt, file)
    from foretell.cli.common.prepared_request import PreparedRequest

    rule = read_rule(schema, regex, grammar, choice, tools, constraint, tool_choice, parallel_tool_calls, closed, bounds, show_schema)
    chosen = read_recipe(recipe) if recipe is not None else None
    check_sampling(sampling, bool(logit_bias), chosen)
    biases = read_bias(logit_bias or [])
    loaded = load_model(model, dtype, device, threads, small, router)
    request = PreparedRequest.prepare(
        loaded, chosen, text, system, raw, sampling, biases, max_new_tokens, stop or [], seed, logprobs, rule, parse_special, retries,
        ending=not no_ending,
    )  # fmt: skip
    raise typer.Exit(request.show(color, as_json, quiet))
