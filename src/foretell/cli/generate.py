"""`foretell generate`: generate text from a prompt."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

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
from foretell.cli.common.sampling import SAMPLING, check_sampling, read_bias, token_id
from foretell.errors import UserError

KEEPS_RESULTS = True
EXAMPLES = (
    'foretell generate "Name three rivers in Europe."',
    'foretell generate "Is this positive or negative? I love this film!" --choice positive --choice negative',
    """foretell generate "Invent a user." --schema '{"properties": {"name": {"type": "string"}}, "required": ["name"]}' --closed""",
)
_RECIPE = (
    "The drafter, verifier, pace and sampler. By default foretell.toml in this folder, else the recipe that `foretell tune` found for "
    "the model, else the default recipe; -v shows it."
)
_INPUT = (
    "Answer each prompt of a file: .jsonl (one object a line, with `prompt` or `messages`, perhaps `id` and options), .csv or text lines."
)
_OUTPUT = "With --input: the .jsonl file to write, a line for each prompt; by default standard output."
_COLUMN = "The column of a .csv file that holds the prompts."
_RESUME = "Keep what --output has, and answer the rest."
_TIMEOUT = "End the answer after this time, in seconds, with what there is; with --input, of each prompt."


def generate(
    prompt: Annotated[str | None, typer.Argument(help="The prompt; `-` or no argument reads standard input.", show_default=False)] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", metavar="PATH", help="Read the prompt from this file.")] = None,
    input: Annotated[Path | None, number("input", "FILE", "Many prompts", _INPUT, "-i")] = None,
    output: Annotated[Path | None, number("output", "FILE.jsonl", "Many prompts", _OUTPUT, "-o")] = None,
    column: Annotated[str, typer.Option(metavar="NAME", help=_COLUMN, rich_help_panel="Many prompts")] = "prompt",
    max_batch: Annotated[
        int, typer.Option("--max-batch", metavar="N", min=1, help="Most prompts at a time.", rich_help_panel="Many prompts")
    ] = 16,
    resume: Annotated[bool, switch("resume", _RESUME, "Many prompts")] = False,
    overwrite: Annotated[bool, switch("overwrite", "Replace the file of --output.", "Many prompts")] = False,
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
    seed: Annotated[
        int | None, number("seed", "N", "Sampling", "Random seed: the same seed gives the same text. By default another one each time.")
    ] = None,
    timeout: Annotated[float | None, number("timeout", "SECONDS", "Output", _TIMEOUT)] = None,
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

    The text is written to standard output; speed and guarantee to standard error, with -v also the recipe. Text that is
    piped in beside a PROMPT follows it after an empty line. Ctrl-C stops early. With a rule, the exit status is 1 if the answer has no
    value: it was cut, came to a dead end, or its value was rejected.

    With --input, each prompt of a file is answered, and the exit status is 1 if one of them failed or has no value.
    """
    given = locals()
    check_many(given)
    sampling = {name: given[name] for name in SAMPLING if given[name] is not None}
    if input is None:
        text, lines = read_prompt(prompt, file), []
    else:
        from foretell.cli.common.prompt_file import Answers, answer_lines
        from foretell.prompt_file import read_prompt_file

        text, lines, answers = "", read_prompt_file(input, column), Answers.at(output, input, resume, overwrite)
    rule = read_rule(schema, regex, grammar, choice, tools, constraint, tool_choice, parallel_tool_calls, closed, bounds, show_schema)
    for option, is_given in (("--tools", rule is not None and rule.tools is not None), ("--system", system is not None)):
        if is_given and raw:
            raise UserError(f"{option} needs the chat template that --raw leaves out; remove one of them")
    chosen = read_recipe(recipe) if recipe is not None else None
    check_sampling(sampling, bool(logit_bias), chosen)
    biases = read_bias(logit_bias or [])
    loaded = load_model(model, dtype, device, threads, small, router)
    options = {
        **sampling,
        "logit_bias": {token_id(loaded, token): added for token, added in biases.items()} or None,
        "max_new_tokens": max_new_tokens,
        "stop": stop or None,
        "seed": seed,
        "logprobs": logprobs,
        "chat": not raw,
        "parse_special": parse_special,
        "ending": not no_ending,
        "timeout": timeout,
    }
    if lines:
        raise typer.Exit(answer_lines(lines, answers, loaded, chosen, system, options, rule, max_batch, quiet))
    from foretell.cli.common.prepared_request import PreparedRequest

    request = PreparedRequest.prepare(loaded, chosen, text, system, options, rule, retries)
    raise typer.Exit(request.show(color, as_json, quiet))


def check_many(given: Mapping[str, Any]) -> None:
    """UserError for options of one prompt beside --input, and for options of --input without it."""
    if given["input"] is None:
        for name in ("output", "resume", "overwrite"):
            if given[name]:
                raise UserError(f"--{name} goes with --input, which is not given")
        return
    for name, option in (("prompt", "PROMPT"), ("file", "--file"), ("retries", "--retries"), ("color", "--color"), ("as_json", "--json")):
        if given[name]:
            raise UserError(f"{option} is for one prompt, and --input for many; remove one of them")
    if given["output"] is None and (given["resume"] or given["overwrite"]):
        raise UserError("--resume and --overwrite go with --output, which is not given")
    if given["resume"] and given["overwrite"]:
        raise UserError("--resume and --overwrite exclude each other; remove one of them")
