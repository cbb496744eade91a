"""`foretell generate`: continue a prompt."""

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
from foretell.cli.common.rules import Choices, ConstraintText, GrammarSource, RegexText, SchemaSource, ToolsFile, read_rule
from foretell.cli.common.sampling import check_sampling, read_bias

_NAMES = ("temperature", "top_k", "top_p", "min_p", "repetition_penalty", "presence_penalty", "frequency_penalty")
_RECIPE = (
    "Who drafts, who decides, how far ahead. By default foretell.toml in this folder, else what `foretell tune` chose for the "
    "model, else its own n-grams and phrases, which the last lines of the output show."
)


def generate(
    prompt: Annotated[str | None, typer.Argument(help="What to continue; `-` or nothing reads a pipe.", show_default=False)] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", metavar="PATH", help="Read the prompt from a file.")] = None,
    recipe: Annotated[str | None, typer.Option("--recipe", "-r", metavar="TEXT|FILE.toml", help=_RECIPE)] = None,
    max_new_tokens: Annotated[int, typer.Option("--max-new-tokens", "-n", metavar="N", help="Longest answer.")] = 256,
    stop: Annotated[list[str] | None, typer.Option(metavar="TEXT", help="End the answer before this text; repeatable.")] = None,
    system: Annotated[str | None, typer.Option(metavar="TEXT", help="A system message before the prompt.")] = None,
    raw: Annotated[bool, switch("raw", "Feed the prompt as it is, without the model's chat template.")] = False,
    schema: SchemaSource = None,
    regex: RegexText = None,
    grammar: GrammarSource = None,
    choice: Choices = None,
    tools: ToolsFile = None,
    constraint: ConstraintText = None,
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
    seed: Annotated[int, typer.Option(metavar="N", help="The same seed gives the same text.", rich_help_panel="Sampling")] = 0,
    logprobs: Annotated[int | None, number("logprobs", "N", "Output", "Show each token's log-probability, and the N best.")] = None,
    color: Annotated[
        bool, typer.Option("--color/--no-color", metavar="", help="Colour what was drafted by its drafter.", rich_help_panel="Output")
    ] = False,
    as_json: Annotated[bool, switch("json", "Print one JSON object at the end.", "Output")] = False,
    quiet: Annotated[bool, switch("quiet", "Only the text.", "Output", "-q")] = False,
) -> None:
    """Continue a prompt, and show the answer as it comes.

    The text goes to stdout; what it cost, and the guarantee it was decoded under, to stderr. Ctrl-C stops early and keeps what is there.
    Under a rule, an answer that did not come to its end exits with status 1.
    """
    given = locals()
    sampling = {name: given[name] for name in _NAMES if given[name] is not None}
    text = read_prompt(prompt, file)
    from foretell.cli.common.answer import Answer

    rule = read_rule(schema, regex, grammar, choice, tools, constraint)
    chosen = read_recipe(recipe) if recipe is not None else None
    check_sampling(sampling, bool(logit_bias), chosen)
    biases = read_bias(logit_bias or [])
    loaded = load_model(model, dtype, device, threads, small, router)
    answer = Answer.prepare(loaded, chosen, text, system, raw, sampling, biases, max_new_tokens, stop or [], seed, logprobs, rule)
    raise typer.Exit(answer.show(color, as_json, quiet))
