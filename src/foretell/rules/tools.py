"""Tool calls: a list of functions as one JSON Schema, and the answer as a call of one of them."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from foretell.arguments import shown
from foretell.errors import MissingPackageError, UserError


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
    """Tools that a model may call. functions: by name, None for described tools. descriptions: in the format of the OpenAI API, which chat
    templates read."""

    functions: Mapping[str, Callable[..., Any] | None]
    descriptions: Sequence[Mapping[str, Any]]

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of a call, {"name": ..., "arguments": {...}} of one of the tools. Their `$defs` move to its top."""
        calls, definitions = [], {}
        for number, description in enumerate(self.descriptions):
            tool = description["function"]
            own, prefix = dict(tool.get("parameters") or {"type": "object", "properties": {}}), f"tool{number}_"
            for name, definition in own.pop("$defs", {}).items():
                definitions[prefix + name] = _renamed(definition, prefix)
            calls.append(
                {
                    "type": "object",
                    "properties": {"name": {"const": tool["name"]}, "arguments": _renamed(own, prefix)},
                    "required": ["name", "arguments"],
                    "additionalProperties": False,
                }
            )
        schema: dict[str, Any] = calls[0] if len(calls) == 1 else {"anyOf": calls}
        return {**schema, "$defs": definitions} if definitions else schema

    def read(self, text: str) -> ToolCall:
        """The call in a finished answer."""
        call = json.loads(text)
        return ToolCall(call["name"], call["arguments"], self.functions.get(call["name"]))

    @property
    def instructions(self) -> str:
        """The instructions for a model whose chat template does not support tools."""
        listed = "\n".join(json.dumps(description["function"], ensure_ascii=False) for description in self.descriptions)
        return (
            f"You may call these functions:\n{listed}\n"
            'Answer with the one call that helps, as JSON: {"name": "<function>", "arguments": {<argument>: <value>}}'
        )


def read_tools(tools: Sequence[Any]) -> Tools:
    """The tools of a list.

    tools: Python functions with annotated parameters, or descriptions: {"name", "description", "parameters"}, or that within
    {"type": "function", "function": ...}. Errors: UserError for an empty list, a duplicate name, and anything else in the list.
    """
    if not isinstance(tools, list | tuple) or not tools:
        raise UserError(f"tools={shown(tools)} must be a list of functions or of descriptions, at least one")
    functions: dict[str, Callable[..., Any] | None] = {}
    descriptions = []
    for tool in tools:
        described = _description(tool) if callable(tool) else tool
        if isinstance(described, Mapping) and isinstance(described.get("function"), Mapping):
            described = described["function"]
        if not isinstance(described, Mapping) or not isinstance(described.get("name"), str):
            raise UserError(f"tools: {shown(tool)} is neither a function nor a description with a name")
        name = described["name"]
        if not isinstance(described.get("parameters", {}), Mapping):
            raise UserError(f"tools: the parameters of {name!r} are {shown(described['parameters'])}; give a JSON Schema of an object")
        if name in functions:
            raise UserError(f"tools: two have the name {name!r}")
        functions[name] = tool if callable(tool) else None
        descriptions.append({"type": "function", "function": dict(described)})
    return Tools(functions, descriptions)


def _description(function: Callable[..., Any]) -> dict[str, Any]:
    """A function's description from its signature and docstring."""
    try:
        from pydantic import Field, create_model
    except ImportError as error:
        remedy = "pip install pydantic; or pass a description"
        raise MissingPackageError(f"tools: describing a function needs pydantic: {remedy}") from error
    fields: dict[str, Any] = {}
    for parameter in inspect.signature(function, eval_str=True).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            raise UserError(
                f"tools: {function.__name__} has the parameter {parameter}, which cannot be passed by name; pass a description instead"
            )
        kind = Any if parameter.annotation is parameter.empty else parameter.annotation
        fields[parameter.name] = (kind, Field() if parameter.default is parameter.empty else Field(default=parameter.default))
    schema = create_model(function.__name__, __config__={"extra": "forbid"}, **fields).model_json_schema()
    schema.pop("title", None)
    return {"name": function.__name__, "description": inspect.getdoc(function) or "", "parameters": schema}


def _renamed(schema: Any, prefix: str) -> Any:
    """The schema with references to `#/$defs/X` changed to `#/$defs/<prefix>X`."""
    if isinstance(schema, Mapping):
        return {
            key: f"#/$defs/{prefix}{value.removeprefix('#/$defs/')}"
            if key == "$ref" and isinstance(value, str) and value.startswith("#/$defs/")
            else _renamed(value, prefix)
            for key, value in schema.items()
        }
    return [_renamed(each, prefix) for each in schema] if isinstance(schema, list) else schema
