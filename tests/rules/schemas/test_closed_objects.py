"""Closed objects have only the members that their schema names."""

from __future__ import annotations

import pytest

from foretell.rules.constraints.json_schema import JsonSchema

A, B = {"properties": {"a": {"type": "integer"}}}, {"properties": {"b": {"type": "integer"}}}


@pytest.mark.parametrize(
    ("schema", "taken", "left"),
    [
        ({"type": "object", **A}, ['{"a": 1}', "{}"], ['{"c": 1}']),
        ({"allOf": [A, B]}, ['{"a": 1, "b": 1}'], ['{"a": 1, "c": 1}']),
        ({"$ref": "#/$defs/x", "$defs": {"x": A}}, ['{"a": 1}'], ['{"c": 1}']),
        ({"type": "object", "properties": {"x": {"type": "object", **A}}}, ['{"x": {"a": 1}}'], ['{"x": {"c": 1}}']),
        ({"type": "array", "items": {"type": "object", **A}}, ['[{"a": 1}]'], ['[{"c": 1}]']),
        ({"anyOf": [A, B], "type": "object"}, ['{"a": 1}', '{"b": 1}'], ['{"c": 1}']),
        ({"type": "object"}, ['{"c": 1}'], []),
        ({"type": "object", **A, "additionalProperties": {"type": "string"}}, ['{"a": 1, "c": "x"}'], ['{"c": 1}']),
        ({"type": "object", **A, "patternProperties": {"^p": True}}, ['{"p": 1}'], []),
        ({"not": {"type": "object", "required": ["a"], **A}}, ['{"a": "x"}'], ['{"a": 1}']),
    ],
)
def test_closing_leaves_the_named_members(schema, taken, left):
    closed, free = JsonSchema(schema, closed=True), JsonSchema(schema)
    for text in taken:
        assert closed.accepts(text), text
        assert free.accepts(text), text
    for text in left:
        assert not closed.accepts(text), text


def test_closing_one_constraint_leaves_others_of_the_schema_open():
    JsonSchema({"type": "object", **A}, closed=True)
    assert JsonSchema({"type": "object", **A}).accepts('{"c": 1}')
