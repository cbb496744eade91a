"""Options for a rule that the answer must obey."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from foretell.cli.common.options import number
from foretell.errors import UserError

if TYPE_CHECKING:
    from foretell.rules.rule import Rule

SchemaSource = Annotated[str | None, number("schema", "FILE|JSON", "Rule", "The answer is JSON that is valid under this JSON Schema.")]
RegexText = Annotated[str | None, number("regex", "PATTERN", "Rule", "The whole answer matches this regular expression (of ECMA 262).")]
GrammarSource = Annotated[
    str | None, number("grammar", "FILE|TEXT", "Rule", "The answer is in the language of this grammar (Lark's syntax).")
]
Choices = Annotated[
    list[str] | None,
    typer.Option(
        "--choice", metavar="TEXT", show_default=False, rich_help_panel="Rule", help="The answer is one of these texts; repeatable."
    ),
]
ToolsFile = Annotated[Path | None, number("tools", "FILE", "Rule", "The answer calls one of the functions that this JSON file lists.")]
ConstraintText = Annotated[str | None, number("constraint", "TEXT", "Rule", "Any other constraint; `foretell list constraint` shows all.")]


def read_rule(
    schema: str | None, regex: str | None, grammar: str | None, choices: list[str] | None, tools: Path | None, constraint: str | None
) -> Rule | None:
    """The rule of these options, None without one. Raises UserError for what can be refused before the model is loaded."""
    given = {
        "--schema": schema is not None, "--regex": regex is not None, "--grammar": grammar is not None, "--choice": bool(choices),
        "--tools": tools is not None, "--constraint": constraint is not None,
    }  # fmt: skip
    said = [name for name, there in given.items() if there]
    if not said:
        return None
    if len(said) > 1:
        raise UserError(f"{' and '.join(said)} are rules; give only one of them")
    from foretell.rules.rule import make_rule

    return make_rule(schema, regex, grammar, choices or None, None if tools is None else _read_tools(tools), constraint)


def _read_tools(path: Path) -> Any:
    """The list of descriptions in a JSON file. Raises UserError if the file cannot be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"--tools {path}: there is no such file") from None
    except (OSError, ValueError) as error:
        raise UserError(f"--tools {path} is not a readable JSON file ({error}); write a list of function descriptions") from error
