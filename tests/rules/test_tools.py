"""Functions as a schema, and answers as calls."""

from __future__ import annotations

import json
from typing import Literal

import pytest
from pydantic import BaseModel, Field

from foretell.errors import UserError
from foretell.rules.constraints.json_schema import JsonSchema
from foretell.rules.rule import make_rule
from foretell.rules.schemas.strings import BYTES
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


def takes(tools, name, arguments):
    part = JsonSchema(tools.schema)
    return part.accepts(part.canonical_text({"name": name, "arguments": arguments}))


def obj(**properties):
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def test_functions_and_descriptions_become_one_schema():
    tools = read_tools([weather, add, DESCRIBED, {"type": "function", "function": {"name": "go", "parameters": {"type": "object"}}}])
    for name, arguments in (
        ("weather", {"place": {"city": "Rome"}, "unit": "F"}),
        ("add", {"a": 1, "b": 2}),
        ("stop", {}),
        ("go", {"x": 1}),
    ):
        assert takes(tools, name, arguments)
    for name, arguments in (
        ("weather", {"place": {"city": 3}}),
        ("weather", {"place": {"city": "Rome", "more": 3}}),  # models within a function are closed, as with `schema=`
        ("add", {"a": 1}),
        ("add", {"a": 1, "b": 2, "c": 3}),
        ("multiply", {}),
        ("stop", {"any": 1}),
    ):
        assert not takes(tools, name, arguments)
    assert not JsonSchema(tools.schema).accepts('{"name": "add"}')
    assert '"description": "What the weather is."' in tools.instructions


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


SEVEN, FOUR = "http://json-schema.org/draft-07/schema#", "http://json-schema.org/draft-04/schema#"
INTEGERS = obj(n={"type": "integer"})
#: A tool's name, its parameters, arguments that they take, and some that they do not.
SCHEMAS = [
    ("recursive", {**obj(v={"type": "integer"}, kids={"type": "array", "items": {"$ref": "#"}})}, {"v": 1, "kids": [{"v": 2, "kids": []}]},
     {"v": 1, "kids": [{"name": "recursive", "arguments": {"v": 1, "kids": []}}]}),
    ("old", {"$schema": SEVEN, "type": "object", "properties": {"x": {"items": [INTEGERS]}}, "dependencies": {"y": ["x"]}},
     {"x": [{"n": 1}]}, {"y": 1}),
    ("new", {"type": "object", "properties": {"x": {"prefixItems": [INTEGERS]}}, "dependentRequired": {"y": ["x"]}}, {"x": [{"n": 1}]},
     {"y": 1}),
    ("older", {"$schema": FOUR, "id": "http://x.org/a", **obj(n={"minimum": 1, "exclusiveMinimum": True})}, {"n": 2}, {"n": 1}),
    ("referring", {"$ref": "#/definitions/A", "$schema": SEVEN, "definitions": {"A": obj(p={"$ref": "#/definitions/B"}),
     "B": {"type": "null"}}}, {"p": None}, {"p": 1}),
    ("named", {"$id": "https://example.com/e", **obj(w={"$ref": "https://example.com/e#/$defs/W"}), "$defs": {"W": {"type": "null"}}},
     {"w": None}, {"w": 1}),
    ("relative", {**obj(w={"$ref": "w.json"}), "$defs": {"W": {"$id": "w.json", "type": "null"}}}, {"w": None}, {"w": 1}),
    ("relative too", {**obj(w={"$ref": "w.json"}), "$defs": {"W": {"$id": "w.json", "type": "boolean"}}}, {"w": True}, {"w": None}),
    ("pointing", obj(w={"type": "null"}, z={"$ref": "#/properties/w"}), {"w": None, "z": None}, {"w": None, "z": 1}),
    ("data", obj(q={"const": {"$ref": "#/x", "$schema": "none"}}), {"q": {"$ref": "#/x", "$schema": "none"}}, {"q": {"$ref": "#/$defs/x"}}),
    ("untyped", {"required": ["n"]}, {"n": 1}, {}),
    ("strange/name ü", INTEGERS, {"n": 1}, {"n": "1"}),
]  # fmt: skip


def test_schemas_of_all_drafts_stand_side_by_side_and_refer_to_themselves():
    tools = read_tools([{"name": name, "parameters": parameters} for name, parameters, _, _ in SCHEMAS])
    for name, _, right, wrong in SCHEMAS:
        assert takes(tools, name, right), name
        assert not takes(tools, name, wrong), name
    assert not JsonSchema(tools.schema).accepts('{"name": "untyped", "arguments": 3}')


@pytest.mark.parametrize(
    "described",
    [
        {"name": "f", "description": "F.", "parameters": INTEGERS},
        {"type": "function", "name": "f", "description": "F.", "parameters": INTEGERS, "strict": True},
        {"type": "function", "function": {"name": "f", "description": "F.", "parameters": INTEGERS, "strict": False}},
        {"name": "f", "description": "F.", "input_schema": INTEGERS, "cache_control": {"type": "ephemeral"}},
        {"type": "custom", "name": "f", "description": "F.", "input_schema": INTEGERS},
        {
            "name": "f",
            "title": "T",
            "description": "F.",
            "inputSchema": INTEGERS,
            "outputSchema": {},
            "annotations": {"readOnlyHint": True},
        },
    ],
)
def test_layouts_of_all_vendors_are_one_to_the_model(described):
    tools = read_tools([described])
    assert tools.descriptions == [{"type": "function", "function": {"name": "f", "description": "F.", "parameters": INTEGERS}}]
    assert takes(tools, "f", {"n": 1})
    assert not takes(tools, "f", {"n": "1"})


def test_strict_closes_objects():
    schema = {"type": "object", "properties": {"a": {"type": "object", "properties": {}}}}
    assert takes(read_tools([{"name": "f", "parameters": schema}]), "f", {"a": {"b": 1}})
    assert not takes(read_tools([{"name": "f", "parameters": schema, "strict": True}]), "f", {"a": {"b": 1}})


@pytest.mark.parametrize("parameters", [None, {}, {"type": "object", "properties": {}}])
def test_no_parameters_are_no_arguments(parameters):
    tools = read_tools([{"name": "f", "parameters": parameters}])
    assert takes(tools, "f", {})
    assert not takes(tools, "f", {"a": 1})


@pytest.mark.parametrize(
    ("described", "said"),
    [
        ({"name": "f", "paramters": {}}, "'f' has the key 'paramters'.* did you mean 'parameters'"),
        ({"name": "f", "inputschema": {}}, "did you mean 'inputSchema'"),
        ({"type": "function", "function": {"name": "f", "arguments": {}}}, "has the key 'arguments'"),
        ({"function_declarations": []}, "has the key 'function_declarations'"),
        ({"name": "f", "parameters": {}, "input_schema": {}}, "both 'parameters' and 'input_schema'"),
        ({"type": "web_search"}, "names a tool that its vendor runs"),
        ({"name": "f", "parameters": [1]}, "give a JSON Schema"),
        ({"name": "f", "parameters": {"type": "string"}}, "describe an object"),
        ({"name": "f", "parameters": {"type": "OBJECT"}}, "parameters of 'f': #/type: .*write 'object'"),
        (
            {"name": "f", "parameters": {"properties": {"a": {"$ref": "#/components/A"}}}},
            "'f': #/properties/a/.ref: '#/components",
        ),
        ({"name": "f", "parameters": {"$ref": "https://tool1.invalid/g/parameters"}}, "parameters of 'f': #/.ref"),
        ({"name": "f", "description": 3}, "give a text"),
    ],
)
def test_what_is_in_no_layout_is_refused_with_the_nearest_name_or_the_place(described, said):
    with pytest.raises(UserError, match=said):
        read_tools([described, {"name": "g", "parameters": INTEGERS}])


def test_one_identifier_of_two_schemas_is_refused():
    def one(name, kind):
        return {"name": name, "parameters": {"$id": "https://example.com/a", "type": "object", "properties": {"x": {"type": kind}}}}

    with pytest.raises(UserError, match="'f' and 'g' have different schemas with the identifier"):
        read_tools([one("f", "null"), one("g", "string")])


def accepts(rule, text):
    state = rule.constraint.start(BYTES)
    for byte in text.encode():
        if not state.accepts(byte):
            return False
        state = state.advance(byte)
    return state.accepting


CALL = '{"name": "add", "arguments": {"a": 1, "b": 2}}'


def repeat(word: str, times: int = Field(3, ge=1)) -> str:
    return word * times


def test_a_field_as_default():
    tools = read_tools([repeat])
    constraint = JsonSchema(tools.schema)
    assert tools.read('{"name": "repeat", "arguments": {"word": "a"}}').run() == "aaa"
    assert constraint.accepts('{"name": "repeat", "arguments": {"word": "a", "times": 1}}')
    assert not constraint.accepts('{"name": "repeat", "arguments": {"word": "a", "times": 0}}')


def unknown_name(a: Missing):  # noqa: F821
    return a


def half_an_annotation(a):
    return a


half_an_annotation.__annotations__["a"] = "list["


@pytest.mark.parametrize("function", [int, max, unknown_name, half_an_annotation])
def test_functions_whose_parameters_cannot_be_read_are_refused(function):
    with pytest.raises(UserError, match=f"the parameters of {function.__name__} cannot be read"):
        read_tools([function])


def test_the_choice_of_a_tool():
    rule = make_rule(tools=[add, DESCRIBED], tool_choice="auto")
    assert [accepts(rule, text) for text in (CALL, "It is {3}.", "{3}", " 3", "[", "")] == [True, True, False, False, False, False]
    assert rule.read(CALL) == ToolCall("add", {"a": 1, "b": 2})
    assert rule.read("It is 3.") == "It is 3."
    for choice in ("stop", {"type": "function", "function": {"name": "stop"}}, {"type": "tool", "name": "stop"}):
        rule = make_rule(tools=[add, DESCRIBED], tool_choice=choice)
        assert [accepts(rule, text) for text in (CALL, '{"name": "stop", "arguments": {}}')] == [False, True]
        assert len(rule.tools.descriptions) == 2  # the model may know of the others
    rule = make_rule(tools=[add], tool_choice="none")
    assert (rule.constraint, rule.read(CALL)) == (None, CALL)
    assert accepts(make_rule(tools=[add], tool_choice={"type": "any"}), CALL)


def test_parallel_calls():
    rule = make_rule(tools=[add, DESCRIBED], parallel_tool_calls=True)
    two = f'[{CALL}, {{"name": "stop", "arguments": {{}}}}]'
    assert [accepts(rule, text) for text in (two, f"[{CALL}]", "[]", CALL)] == [True, True, False, False]
    assert rule.read(two) == [ToolCall("add", {"a": 1, "b": 2}), ToolCall("stop", {})]
    assert [call.run() for call in rule.read(f"[{CALL}]")] == [3]
    assert rule.tools.instructions.endswith("...]")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"tools": [add], "tool_choice": "ad"}, "did you mean 'add'"),
        ({"tools": [add], "tool_choice": {"type": "function"}}, "tool_choice=None is unknown"),
        ({"tools": [add], "parallel_tool_calls": "yes"}, "must be True or False"),
        ({"schema": True, "tool_choice": "auto"}, "goes with tools="),
        ({"parallel_tool_calls": True}, "goes with tools="),
    ],
)
def test_choices_that_mean_nothing_are_refused(options, said):
    with pytest.raises(UserError, match=said):
        make_rule(**options)


@pytest.mark.parametrize("key", ["name", "description"])
def test_names_and_descriptions_are_text_that_utf_8_can_hold(key):
    with pytest.raises(UserError, match="half a surrogate pair"):
        read_tools([{"name": "f", key: "\ud800", "parameters": {"type": "object"}}])
