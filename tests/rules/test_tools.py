"""Functions as a schema, and answers as calls."""

from __future__ import annotations

import json
from typing import Literal

import jsonschema
import pytest
from pydantic import BaseModel

from foretell.rules.tools import ToolCall, read_tools

pytestmark = pytest.mark.usefixtures("cache")


class Place(BaseModel):
    city: str


def weather(place: Place, unit: Literal["C", "F"] = "C") -> str:
    """What the weather is."""
    return f"{place.city} in {unit}"


def add(a: int, b: int) -> int:
    return a + b


DESCRIBED = {"name": "stop", "description": "End it all."}


def test_functions_and_descriptions_become_one_schema():
    tools = read_tools([weather, add, DESCRIBED, {"type": "function", "function": {"name": "go", "parameters": {"type": "object"}}}])
    for name, arguments in (
        ("weather", {"place": {"city": "Rome"}, "unit": "F"}),
        ("add", {"a": 1, "b": 2}),
        ("stop", {}),
        ("go", {"x": 1}),
    ):
        jsonschema.validate({"name": name, "arguments": arguments}, tools.schema)
    for wrong in (
        {"name": "weather", "arguments": {"place": {"city": 3}}},
        {"name": "add", "arguments": {"a": 1}},
        {"name": "add", "arguments": {"a": 1, "b": 2, "c": 3}},
        {"name": "multiply", "arguments": {}},
        {"name": "add"},
    ):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, tools.schema)
    assert '"description": "What the weather is."' in tools.instructions


def test_definitions_of_two_tools_do_not_meet():
    def other(place: Place) -> None: ...

    tools = read_tools([weather, other])
    assert set(tools.schema["$defs"]) == {"tool0_Place", "tool1_Place"}
    jsonschema.validate({"name": "other", "arguments": {"place": {"city": "Rome"}}}, tools.schema)


def test_an_answer_is_a_call_that_runs():
    tools = read_tools([weather, add, DESCRIBED])
    call = tools.read(json.dumps({"name": "add", "arguments": {"a": 2, "b": 3}}))
    assert call == ToolCall("add", {"a": 2, "b": 3})
    assert call.run() == 5
    assert tools.read('{"name": "weather", "arguments": {"place": {"city": "Rome"}}}').run() == "Rome in C"
    with pytest.raises(ValueError, match="not as a function"):
        tools.read('{"name": "stop", "arguments": {}}').run()


def test_bad_tools_are_refused():
    def starred(*args): ...

    for bad, word in (
        ([], "at least one"),
        ("add", "must be a list"),
        ([add, add], "two have the name 'add'"),
        ([3], "neither"),
        ([starred], "by name"),
    ):
        with pytest.raises(ValueError, match=word):
            read_tools(bad)
