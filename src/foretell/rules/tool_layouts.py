"""Descriptions of tools in the layouts of OpenAI, Anthropic and MCP, read into one form."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from foretell import arguments
from foretell.arguments import shown
from foretell.errors import MissingPackageError, UserError
from foretell.parts import nearest
from foretell.rules.schemas.closed import closed

#: By the key of its schema, the other keys of each layout: OpenAI's (chat completions and responses), Anthropic's and MCP's.
_LAYOUTS: dict[str, set[str]] = {
    "parameters": {"name", "description", "type", "strict"},
    "input_schema": {"name", "description", "type", "strict", "title", "cache_control", "input_examples", "defer_loading"}
    | {"allowed_callers", "eager_input_streaming"},
    "inputSchema": {"name", "description", "title", "outputSchema", "annotations", "icons", "execution", "_meta"},
}
#: Keys around {"function": {...}} in the layout of chat completions.
_OUTER = {"type", "function", "strict"}
#: The arguments of a tool that has none.
NO_ARGUMENTS = {"type": "object", "properties": {}, "additionalProperties": False}


@dataclass(frozen=True)
class Tool:
    """A tool. name, description: as the model reads them. parameters: the JSON Schema of its arguments. function: what runs it, None for a
    tool that was only described."""

    name: str
    description: str
    parameters: dict[str, Any]
    function: Callable[..., Any] | None = None

    @property
    def as_openai(self) -> dict[str, Any]:
        """The description in the layout of chat completions, which chat templates read."""
        inner = {"name": self.name, "description": self.description, "parameters": self.parameters}
        return {"type": "function", "function": {key: value for key, value in inner.items() if value != ""}}


def read_tool(tool: Any) -> Tool:
    """One tool: a Python function, or a description in one of the layouts. UserError for anything else, and for keys that no layout has."""
    if callable(tool):
        return _of_function(tool)
    if hasattr(tool, "model_dump"):  # an object of a vendor's package
        tool = tool.model_dump(by_alias=True, exclude_none=True)
    if not isinstance(tool, Mapping):
        raise UserError(f"tools: {shown(tool)} is neither a function nor a description with a name")
    given = {key: value for key, value in tool.items() if value is not None}
    if isinstance(given.get("function"), Mapping):
        _check_keys(given, _OUTER, given["function"].get("name"))
        given = {"strict": given.get("strict", False), **given["function"]}
    return _of_description(given)


def _of_description(given: Mapping[str, Any]) -> Tool:
    present = [key for key in _LAYOUTS if key in given]
    if len(present) > 1:
        raise UserError(f"tools: {given.get('name')!r} has both {present[0]!r} and {present[1]!r}; keep one")
    known = set().union(*([_LAYOUTS[present[0]], {present[0]}] if present else [set(_LAYOUTS), *_LAYOUTS.values()]))
    if given.get("type", "function") not in ("function", "custom") and not present:
        raise UserError(f"tools: type={given['type']!r} names a tool that its vendor runs; describe a function with a name")
    _check_keys(given, known, given.get("name"))
    name, description = given.get("name"), given.get("description", "")
    if not isinstance(name, str) or not name:
        raise UserError(f"tools: {shown(dict(given))} is neither a function nor a description with a name")
    if not isinstance(description, str):
        raise UserError(f"tools: the description of {name!r} is {shown(description)}; give a text")
    name, description = arguments.text("tools: a name", name), arguments.text(f"tools: the description of {name!r}", description)
    schema = given[present[0]] if present else {}
    if not isinstance(schema, Mapping):
        raise UserError(f"tools: the {present[0]} of {name!r} are {shown(schema)}; give a JSON Schema of an object")
    parameters = dict(schema)
    if parameters in ({}, {"type": "object", "properties": {}}):  # a schema that names nothing is the usual way to say "no arguments"
        parameters = dict(NO_ARGUMENTS)
    return Tool(name, description, closed(parameters) if given.get("strict") is True else parameters)


def _check_keys(given: Mapping[str, Any], known: set[str], name: Any) -> None:
    for key in given:
        if key not in known:
            which = repr(name) if name is not None else shown(dict(given))
            raise UserError(f"tools: {which} has the key {key!r}, which is in no layout of tools: {nearest(str(key), known)}")


def _parameters(function: Callable[..., Any], name: str) -> list[inspect.Parameter]:
    """A function's parameters, with annotations that are text evaluated."""
    try:
        return list(inspect.signature(function, eval_str=True).parameters.values())
    except Exception as error:  # functions of C have no signature, and evaluating an annotation runs the user's text
        remedy = "annotate a function of your own, or pass a description"
        raise UserError(f"tools: the parameters of {name} cannot be read ({type(error).__name__}: {error}); {remedy}") from error


def _of_function(function: Callable[..., Any]) -> Tool:
    """A function as its signature and docstring describe it."""
    try:
        from pydantic import Field, create_model
        from pydantic.errors import PydanticUserError
        from pydantic.fields import FieldInfo
    except ImportError as error:
        remedy = "pip install pydantic; or pass a description"
        raise MissingPackageError(f"tools: describing a function needs pydantic: {remedy}") from error
    name = getattr(function, "__name__", type(function).__name__)
    fields: dict[str, Any] = {}
    for parameter in _parameters(function, name):
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            raise UserError(f"tools: {name} has the parameter {parameter}, which cannot be passed by name; pass a description instead")
        kind = Any if parameter.annotation is parameter.empty else parameter.annotation
        default = parameter.default
        field = default if isinstance(default, FieldInfo) else Field() if default is parameter.empty else Field(default=default)
        fields[parameter.name] = (kind, field)
    try:
        schema = closed(create_model(name, __config__={"extra": "forbid"}, **fields).model_json_schema())
    except PydanticUserError as error:
        remedy = "pass a description instead"
        raise UserError(f"tools: {name} has a parameter whose type has no JSON Schema ({error.message}); {remedy}") from error
    schema.pop("title", None)
    return Tool(name, inspect.getdoc(function) or "", schema, function)
