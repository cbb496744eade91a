"""The rule of a request, from the options of `generate`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foretell import arguments
from foretell.decoding.constraint import Constraint
from foretell.errors import UserError
from foretell.rules.schema_source import read_schema
from foretell.rules.tools import Tools, read_tools

#: The options that give a rule; at most one may be given.
#: The options that give a rule; at most one may be given.
SOURCES = ("schema", "regex", "grammar", "choices", "tools", "constraint")
#: The options that say how the values of a schema, or of a tool's arguments, are generated, and those that go with tools.
SETTINGS = ("closed", "bounds", "show_schema")
OPTIONS = ("tool_choice", "parallel_tool_calls")
NAMES = (*SOURCES, *SETTINGS, *OPTIONS)
#: Text that cannot be taken for a call, because it begins with no bracket.
PLAIN_TEXT = r"[^\s{\[<][\s\S]*"


@dataclass(frozen=True)
class Rule:
    """A constraint, and how its texts are read.

    constraint: what is enforced, None for any text. read: makes a finished text into `Result.value`. is_json: whether texts are JSON, so
    that partial ones can be read too. tools: the tools that the prompt must describe, or None. instructions: what the prompt says of the
    rule, "" for nothing.
    """

    constraint: Constraint | None
    read: Callable[[str], Any]
    is_json: bool = False
    tools: Tools | None = None
    instructions: str = ""


def make_rule(
    schema: Any = None,
    regex: str | re.Pattern[str] | None = None,
    grammar: str | Path | None = None,
    choices: Sequence[str] | None = None,
    tools: Sequence[Any] | None = None,
    constraint: Constraint | str | None = None,
    tool_choice: Any = None,
    parallel_tool_calls: bool | None = None,
    closed: bool = False,
    bounds: Any = None,
    show_schema: bool = False,
) -> Rule | None:
    """The rule that these options of `generate` give; None if none is given.

    schema: as in `read_schema`. regex: a pattern, as in `Regex`, or a compiled one of `re`, which may also be the schema. grammar: Lark
    text, or the path of a .lark file. choices: texts. tools: as in `read_tools`, with its options tool_choice ("required" by default)
    and parallel_tool_calls. constraint: a part, or its short text. closed, bounds: as in `JsonSchema`, for `schema` and `tools`.
    show_schema: whether the prompt shows the schema. Errors: UserError for two rules, for an option that does not fit the rule, and for
    a value that cannot be read.
    """
    given = {
        name: value for name, value in zip(SOURCES, (schema, regex, grammar, choices, tools, constraint), strict=True) if value is not None
    }
    if len(given) > 1:
        first, second, *_ = given
        raise UserError(
            f"{first}= and {second}= both give a rule; pass one, or combine them: "
            "constraint=Both((JsonSchema(...), Regex(...))) from foretell.rules.constraints"
        )
    for name, value in (("tool_choice", tool_choice), ("parallel_tool_calls", parallel_tool_calls)):
        if value is not None and tools is None:
            raise UserError(f"{name}= goes with tools=, which is not given; pass the tools, or leave it out")
    source = next(iter(given), "")
    settings = _settings(source, closed, bounds, show_schema)
    if tools is not None:
        return _tools(
            tools,
            "required" if tool_choice is None else tool_choice,
            False if parallel_tool_calls is None else parallel_tool_calls,
            **settings,
        )
    return _RULES[source](given[source], **settings) if given else None


def _settings(source: str, closed: Any, bounds: Any, show_schema: Any) -> dict[str, Any]:
    """The settings that fit a rule. UserError for one that is given and does not fit."""
    settings = dict(zip(SETTINGS, (arguments.flag("closed", closed), bounds, arguments.flag("show_schema", show_schema)), strict=True))
    fitting = {"schema": SETTINGS, "tools": ("closed", "bounds")}.get(source, ())
    for name, value in settings.items():
        if value and name not in fitting:
            takes = "schema=" if name == "show_schema" else "schema= or tools="
            raise UserError(f"{name}={arguments.shown(value)} goes with {takes}, which is not given; drop it, or give a schema")
    return {name: settings[name] for name in fitting}


def _schema(value: Any, closed: bool, bounds: Any, show_schema: bool) -> Rule:
    from foretell.rules.constraints.json_schema import JsonSchema

    if isinstance(value, re.Pattern):
        return _regex(value)
    schema, read = read_schema(value)
    constraint = JsonSchema(schema, closed=closed, bounds=bounds)
    instructions = f"Answer with JSON that is valid under this JSON Schema:\n{constraint.schema}" if show_schema else ""
    return Rule(constraint, read, is_json=True, instructions=instructions)


def _regex(value: str | re.Pattern[str]) -> Rule:
    from foretell.rules.constraints.regex import Regex

    return Rule(Regex(_pattern(value) if isinstance(value, re.Pattern) else arguments.text("regex", value)), str)


def _pattern(compiled: re.Pattern[Any]) -> str:
    """The pattern of a compiled one, with its flags."""
    if not isinstance(compiled.pattern, str) or compiled.flags & (re.ASCII | re.LOCALE | re.VERBOSE | re.MULTILINE):
        raise UserError(
            f"regex={arguments.shown(compiled)} is of bytes, or has the flags ASCII, LOCALE, VERBOSE or MULTILINE; "
            "compile a text without them"
        )
    known = {"i": re.IGNORECASE, "s": re.DOTALL}
    flags = "".join(name for name, flag in known.items() if compiled.flags & flag)
    return f"(?{flags}:{compiled.pattern})" if flags else compiled.pattern


def _grammar(value: str | Path) -> Rule:
    from foretell.rules.constraints.grammar import Grammar

    if isinstance(value, Path) or (":" not in arguments.text("grammar", value) and Path(value).suffix == ".lark"):
        path = arguments.path("grammar", value)
        if not arguments.is_file(path):
            raise UserError(f"grammar={arguments.shown(str(value))} is not a file; pass a grammar in Lark's syntax, or the path of one")
        value = path.read_text(encoding="utf-8")
    return Rule(Grammar(arguments.text("grammar", value)), str)


def _choices(value: Sequence[str]) -> Rule:
    from foretell.rules.constraints.choices import Choices

    if isinstance(value, str):
        raise UserError(f"choices={value!r} is one text; pass a list of texts")
    return Rule(Choices(arguments.texts("choices", value)), str)


def _tools(value: Sequence[Any], choice: Any, parallel: Any, closed: bool, bounds: Any) -> Rule:
    from foretell.rules.constraints.either import Either
    from foretell.rules.constraints.json_schema import JsonSchema
    from foretell.rules.constraints.regex import Regex

    tools = read_tools(value, "required" if choice is None else choice, False if parallel is None else parallel)
    if tools.choice == "none":
        return Rule(None, tools.read, tools=tools)
    call = JsonSchema(tools.schema, closed=closed, bounds=bounds)
    if tools.choice == "auto":
        return Rule(Either((call, Regex(PLAIN_TEXT))), tools.read, tools=tools)
    return Rule(call, tools.read, is_json=True, tools=tools)


def _constraint(value: Constraint | str) -> Rule:
    if isinstance(value, str):
        from foretell.catalog.part_text import parse_part

        value = parse_part(value, "constraint")
    if not isinstance(value, Constraint):
        raise UserError(f"constraint={arguments.shown(value)} is not a constraint; pass a part such as Regex('[0-9]+'), or its short text")
    return Rule(value, str)


_RULES: dict[str, Callable[..., Rule]] = {
    "schema": _schema, "regex": _regex, "grammar": _grammar, "choices": _choices, "constraint": _constraint,
}  # fmt: skip
