"""Tool calls: a list of functions as one JSON Schema, and the answer as calls of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from foretell import arguments
from foretell.arguments import shown
from foretell.errors import UserError
from foretell.parts import nearest
from foretell.rules.tool_layouts import Tool, read_tool
from foretell.rules.tool_schema import call_schema

#: The choices that are no names of tools.
_CHOICES = ("required", "auto", "none")


@dataclass(frozen=True)
class ToolCall:
    """A call that the model asks for. name: the tool's. arguments: by name. function: the Python function, None for a tool that was only
    described."""

    name: str
    arguments: dict[str, Any]
    function: Callable[..., Any] | None = field(default=None, compare=False, repr=False)

    def run(self) -> Any:
        """Call the function and return its result; arguments are converted to the annotated types. UserError for a described tool."""
        if self.function is None:
            raise UserError(f"tool {self.name!r} was passed as a description, not as a function; call it yourself with .arguments")
        from pydantic import validate_call  # it described the function, so it is installed

        return validate_call(self.function)(**self.arguments)


@dataclass(frozen=True)
class Tools:
    """Tools that a model may call. choice: "required", a call; "auto", a call or a text; "none", a text; or the name of the one tool to
    call. parallel: whether the answer is a list of calls."""

    tools: Sequence[Tool]
    choice: str = "required"
    parallel: bool = False

    @property
    def descriptions(self) -> list[dict[str, Any]]:
        """The descriptions in the layout of the OpenAI API, which chat templates read."""
        return [tool.as_openai for tool in self.tools]

    @cached_property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the calls that may be made."""
        callable_tools = [tool for tool in self.tools if self.choice in (*_CHOICES, tool.name)]
        return call_schema(callable_tools, self.parallel)

    def read(self, text: str) -> ToolCall | list[ToolCall] | str:
        """The call in a finished answer, or the calls where they are `parallel`; the text itself where it is none."""
        if self.choice == "none" or (self.choice == "auto" and not text.startswith(("{", "["))):
            return text
        found = json.loads(text)
        return [self._call(each) for each in found] if self.parallel else self._call(found)

    def _call(self, found: Mapping[str, Any]) -> ToolCall:
        function = next(tool.function for tool in self.tools if tool.name == found["name"])
        return ToolCall(found["name"], found["arguments"], function)

    @property
    def instructions(self) -> str:
        """The instructions for a model whose chat template does not support tools."""
        listed = "\n".join(json.dumps(description["function"], ensure_ascii=False) for description in self.descriptions)
        shape = '{"name": "<function>", "arguments": {<argument>: <value>}}'
        if self.choice == "none":
            how = "Do not call any of them now; answer in plain text."
        elif self.parallel:
            how = f"Answer with the calls that help, as a JSON list: [{shape}, ...]"
        else:
            how = f"Answer with the one call that helps, as JSON: {shape}"
        other = "\nIf no function helps, answer in plain text instead." if self.choice == "auto" else ""
        return f"You may call these functions:\n{listed}\n{how}{other}"


def read_tools(tools: Sequence[Any], choice: Any = "required", parallel: bool = False) -> Tools:
    """The tools of a list.

    tools: Python functions with annotated parameters, or descriptions: in the layouts of OpenAI (chat completions or responses), Anthropic
    or MCP, or {"name", "description", "parameters"}. choice: "required", "auto", "none" or the name of a tool, also as OpenAI's and
    Anthropic's dicts. Errors: UserError for an empty list, a duplicate name, a choice that names no tool, and anything else in the list.
    """
    if not isinstance(tools, list | tuple) or not tools:
        raise UserError(f"tools={shown(tools)} must be a list of functions or of descriptions, at least one")
    read = [read_tool(tool) for tool in tools]
    names = [tool.name for tool in read]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"tools: two have the name {name!r}")
    found = Tools(read, _read_choice(choice, names), arguments.flag("parallel_tool_calls", parallel))
    _ = found.schema  # refuses what cannot be a rule
    return found


def _read_choice(choice: Any, names: Sequence[str]) -> str:
    """One of `_CHOICES`, or the name of a tool."""
    if isinstance(choice, Mapping):
        inner = choice.get("function", choice)
        named = inner.get("name") if isinstance(inner, Mapping) else None
        choice = named or {"any": "required", "tool": None, "function": None}.get(str(choice.get("type")), choice.get("type"))
    if not isinstance(choice, str) or choice not in (*_CHOICES, *names):
        known = [*_CHOICES, *names]
        raise UserError(f"tool_choice={shown(choice)} is unknown, {nearest(choice if isinstance(choice, str) else '', known)}")
    return choice
