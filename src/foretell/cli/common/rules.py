"""Options for a rule that the answer must obey."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from foretell import arguments
from foretell.cli.common.options import number, switch
from foretell.errors import UserError
from foretell.json_files import read_json

if TYPE_CHECKING:
    from foretell.rules.rule import Rule

SchemaSource = Annotated[str | None, number("schema", "FILE|JSON", "Rule", "The answer is JSON that is valid under this JSON Schema.")]
RegexText = Annotated[str | None, number("regex", "PATTERN", "Rule", "The whole answer matches this regular expression (of ECMA 262).")]
GrammarSource = Annotated[str | None, number("grammar", "FILE|TEXT", "Rule", "The answer matches this grammar (Lark's syntax).")]
Choices = Annotated[
    list[str] | None,
    typer.Option(
        "--choice", metavar="TEXT", show_default=False, rich_help_panel="Rule", help="The answer is one of these texts; repeatable."
    ),
]
ToolsFile = Annotated[Path | None, number("tools", "FILE", "Rule", "The answer calls one of the functions that this JSON file lists.")]
ToolChoice = Annotated[
    str | None,
    number("tool-choice", "WORD|NAME", "Rule", "required (default), auto (a call or a text), none, or the name of the function to call."),
]
ParallelToolCalls = Annotated[bool, switch("parallel-tool-calls", "The answer is a list of calls.", "Rule")]
Retries = Annotated[
    int,
    typer.Option(
        "--retries", metavar="N", min=0, rich_help_panel="Rule",
        help="Ask up to N times again, with another seed, where the answer is unfinished or rejected; in a chat, say what was wrong.",
    ),
]  # fmt: skip
Closed = Annotated[bool, switch("closed", "Write no members that --schema, or a tool's parameters, do not name.", "Rule")]
BoundsText = Annotated[
    str | None,
    number(
        "bounds", "on|NAME=N,...", "Rule",
        "Limit the values under --schema or --tools: max_digits, max_string, max_items, max_properties; `on` takes default limits.",
    ),
]  # fmt: skip
ShowSchema = Annotated[bool, switch("show-schema", "Put the schema into the prompt.", "Rule")]
NoEnding = Annotated[
    bool,
    switch("no-ending", "Cut the answer at --max-new-tokens, instead of ending it in time in a short way that obeys the rule.", "Rule"),
]
ConstraintText = Annotated[str | None, number("constraint", "TEXT", "Rule", "Any other constraint; `foretell list constraint` shows all.")]


def read_rule(
    schema: str | None, regex: str | None, grammar: str | None, choices: list[str] | None, tools: Path | None, constraint: str | None,
    tool_choice: str | None = None, parallel_tool_calls: bool = False, closed: bool = False, bounds: str | None = None,
    show_schema: bool = False,
) -> Rule | None:  # fmt: skip
    """The rule of these options, None without one. Raises UserError for what can be refused before the model is loaded."""
    given = {
        "--schema": schema is not None, "--regex": regex is not None, "--grammar": grammar is not None, "--choice": bool(choices),
        "--tools": tools is not None, "--constraint": constraint is not None,
    }  # fmt: skip
    said = [name for name, there in given.items() if there]
    of_tools = {"--tool-choice": tool_choice is not None, "--parallel-tool-calls": parallel_tool_calls}
    if tools is None and any(of_tools.values()):
        raise UserError(f"{next(name for name, there in of_tools.items() if there)} goes with --tools, which is not given")
    settings = {"--closed": closed, "--bounds": bounds is not None, "--show-schema": show_schema}
    if schema is None and any(settings.values()) and (tools is None or show_schema):
        takes = "--schema" if show_schema else "--schema or --tools"
        raise UserError(f"{next(name for name, there in settings.items() if there)} goes with {takes}, which is not given")
    if not said:
        return None
    if len(said) > 1:
        raise UserError(f"{' and '.join(said)} are rules; give only one of them")
    from foretell.rules.rule import make_rule

    return make_rule(
        schema,
        regex,
        grammar,
        choices or None,
        None if tools is None else read_tools_file(tools),
        constraint,
        tool_choice,
        parallel_tool_calls or None,
        closed,
        None if bounds is None else _read_bounds(bounds),
        show_schema,
    )


def _read_bounds(text: str) -> Any:
    """The bounds of --bounds. Raises UserError for other text."""
    if text == "on":
        return True
    pairs = [part.partition("=") for part in text.split(",")]
    if not all(equals and value.strip().isdecimal() for _, equals, value in pairs):
        raise UserError(f"--bounds {text!r} is neither `on` nor a list such as max_string=80,max_items=5")
    return {name.strip(): int(value) for name, _, value in pairs}


def read_tools_file(path: Path) -> Any:
    """The list of descriptions in a JSON file. Raises UserError if the file cannot be read."""
    if not arguments.is_file(path):
        raise UserError(f"--tools {path}: there is no such file")
    return read_json(path, "write a list of function descriptions")
