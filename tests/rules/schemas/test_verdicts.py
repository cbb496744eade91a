"""Verdicts on texts, against jsonschema's on values."""

from __future__ import annotations

import json
from dataclasses import replace

import jsonschema
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis_jsonschema import from_schema

from foretell.rules.constraints.json_schema import JsonSchema
from foretell.rules.schemas.canonical_text import canonical_text
from foretell.rules.schemas.drafts import drafts
from foretell.rules.schemas.engine_schema import TYPE_OF_KEYWORD
from foretell.rules.schemas.strings import BYTES
from tests.rules.schemas.strategies import schemas, values

patient = settings(deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


def accepted(part, memory, value) -> bool:
    """Whether the value's text in the constraint's order is taken, byte by byte, and may end."""
    state = part.begin(memory)
    for byte in canonical_text(value, memory).encode():
        if not state.accepts(byte):
            return False
        state = state.advance(byte)
    return state.accepting


@settings(patient, max_examples=150)
@given(schemas, schemas, schemas, st.lists(values, min_size=3, max_size=6))
def test_a_text_is_accepted_exactly_if_its_value_is_valid(schema, x, y, instances):
    schema = {**schema, "$defs": {"x": x, "y": y}}
    reference = jsonschema.Draft202012Validator(schema)
    refused = ""
    try:
        part = JsonSchema(schema)
        memory = part.remember(BYTES)
    except ValueError as error:
        refused = str(error)
    assume("itself" not in refused)  # endless references, which jsonschema does not survive either
    if refused:
        assert "no value is valid" in refused
        assert not any(reference.is_valid(value) for value in instances)
        return
    for value in instances:
        assert accepted(part, memory, value) == reference.is_valid(value), (json.dumps(schema), value, memory.lowered.schema)


KINDS = [
    {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 9}, "uniqueItems": True, "maxItems": 4},
    {"oneOf": [{"type": "integer", "multipleOf": 3}, {"type": "integer", "multipleOf": 5}]},
    {"type": "string", "pattern": "^[a-c]{1,3}$", "not": {"enum": ["a", "abc"]}},
    {"anyOf": [{"type": "null"}, {"type": "array", "contains": {"const": 1}, "items": {"enum": [0, 1]}, "maxItems": 3}]},
]


@settings(patient, max_examples=40)
@given(st.data(), st.sampled_from(KINDS))
def test_valid_instances_are_accepted(data, schema):
    value = data.draw(from_schema(schema))
    part = JsonSchema(schema)
    assert accepted(part, part.remember(BYTES), value)


#: What is rewritten exactly, so that the engine alone says it.
EXACT = [
    {"oneOf": [{"required": ["a"]}, {"required": ["b"]}], "type": "object", "properties": {"a": {}, "b": {}}},
    {
        "oneOf": [{"properties": {"k": {"const": 1}}, "required": ["k"]}, {"properties": {"k": {"const": 2}}, "required": ["k"]}],
        "type": "object",
    },
    {"not": {"required": ["a", "b"]}},
    {"not": {"type": ["string", "object"]}},
    {"not": {"enum": ["a", 1, None]}},
    {"type": "string", "pattern": "^(?!(a|b)$)[a-c]+$"},
    {"type": "integer", "not": {"const": 4}},
    {"enum": [1, "a", [1, 2], {"k": None}, 3.5], "not": {"enum": ["a", [1, 2]]}},
    {"if": {"required": ["a"]}, "then": {"required": ["b"]}, "else": {"required": ["c"]}, "type": "object"},
    {"if": {"properties": {"k": {"const": True}}}, "then": {"required": ["a"]}, "type": "object", "properties": {"k": {"type": "boolean"}}},
    {"dependentRequired": {"a": ["b"]}, "dependentSchemas": {"c": {"maxProperties": 1, "required": ["c"], "properties": {"a": False}}}},
    {"propertyNames": {"pattern": "^x"}},
    {"propertyNames": {"enum": ["a", "b"]}, "minProperties": 0},
    {"properties": {"a": {}, "b": {}}, "additionalProperties": False, "minProperties": 1},
    {"allOf": [{"properties": {"a": {}}}], "properties": {"b": {}}, "unevaluatedProperties": False},
    {"prefixItems": [{"type": "integer"}], "unevaluatedItems": False},
]


@pytest.mark.parametrize("schema", EXACT, ids=json.dumps)
def test_what_can_be_said_in_other_words_is_compiled(schema):
    memory = JsonSchema(schema).remember(BYTES)
    left_open = {word for words in memory.relaxed.values() for word in words}
    assert left_open <= ({"maxProperties"} if "dependentSchemas" in schema else set())


CHECKED = [
    ({"uniqueItems": True}, "uniqueItems", [1, 1.0]),
    ({"contains": {"const": 1}}, "contains", [0]),
    ({"pattern": r"^(.)\1$"}, "pattern", "ab"),
    ({"oneOf": [{"type": "integer"}, {"minimum": 2}]}, "oneOf", 3),
    ({"maxProperties": 1, "properties": {"a": {}}}, "maxProperties", {"a": 1, "b": 2}),
    ({"propertyNames": {"not": {"const": "a"}}}, "propertyNames", {"a": 1}),
    (
        {"anyOf": [{"properties": {"a": True}}, {"properties": {"b": True}}], "unevaluatedProperties": False},
        "unevaluatedProperties",
        {"c": 1},
    ),
]


@pytest.mark.parametrize(("schema", "word", "value"), CHECKED, ids=lambda each: each if isinstance(each, str) else "")
def test_what_cannot_is_checked_and_may_be_refused(schema, word, value):
    part = JsonSchema({"properties": {"x": {"items": schema}}})
    memory = part.remember(BYTES)
    assert [word] == [each for words in memory.relaxed.values() for each in words]
    assert not accepted(part, memory, {"x": [value]})
    with pytest.raises(ValueError, match=f"#/properties/x/items: {word} .*unsupported='check'"):
        part.replace(unsupported="refuse").remember(BYTES)


#: Words that were checked where a string ends, with values that satisfy the schema and that do not.
REGULAR = [
    ({"not": {"pattern": "a"}}, ["b", ""], ["xa", 3]),
    ({"type": "string", "not": {"pattern": "[0-9]"}, "maxLength": 3}, ["ab", ""], ["a1", "abcd"]),
    ({"pattern": "^(?!x+y)"}, ["xx", ""], ["xxy"]),
    ({"pattern": r"\bcat\b"}, ["a cat!"], ["concat", ""]),
    ({"pattern": r"^(a|b)\1$"}, ["aa", "bb"], ["ab"]),
    ({"pattern": "^(?=.*[A-Z])(?=.*[0-9]).{4,60}$"}, ["aA1-"], ["aA11\n", "aaaa", "A1"]),
    ({"pattern": "^20", "format": "date", "maxLength": 10}, ["2020-01-01"], ["1999-01-01", "20"]),
    ({"if": {"pattern": "^a"}, "then": {"maxLength": 1}}, ["a", "bc"], ["ab"]),
    ({"patternProperties": {"a": {"type": "integer"}, "b": {"minimum": 3}}}, [{"ab": 4}, {"a": 1}, {"b": "x"}], [{"ab": 2}, {"ab": "x"}]),
    ({"patternProperties": {"^(?!x-)": {"type": "integer"}}, "additionalProperties": False}, [{"a": 1}], [{"x-a": 1}, {"a": ""}]),
    ({"propertyNames": {"pattern": "^[a-z]+$", "maxLength": 2}}, [{"ab": 1}, {}], [{"abc": 1}, {"A": 1}, {"": 1}]),
    (
        {
            "propertyNames": {"pattern": "^[a-z]+$", "minLength": 2},
            "additionalProperties": {"type": "integer"},
            "properties": {"x": {}, "ab": {}},
        },
        [{"ab": ""}, {"cd": 1}],
        [{"x": 1}, {"cd": ""}],
    ),
    ({"propertyNames": {"enum": ["a", "b"]}, "additionalProperties": {"type": "integer"}}, [{"a": 1}], [{"a": ""}, {"c": 1}]),
    ({"minLength": 1, "oneOf": [{"pattern": "a"}, {"pattern": "b"}]}, ["a", "xb"], ["ab", ""]),
]


@pytest.mark.parametrize(("schema", "valid", "invalid"), REGULAR, ids=lambda each: json.dumps(each)[:60])
def test_regular_words_are_compiled(schema, valid, invalid):
    part = JsonSchema({"properties": {"x": {"items": schema}}})
    memory = part.remember(BYTES)
    assert part.memory(BYTES).checks is None
    assert [accepted(part, memory, {"x": [value]}) for value in (*valid, *invalid)] == [True] * len(valid) + [False] * len(invalid)


#: `oneOf` beside own words, with values that satisfy the schema and that do not.
ONE_OF = [
    (
        {"type": "object", "properties": {"a": {}, "b": {}}, "oneOf": [{"required": ["a"]}, {"required": ["b"]}]},
        [{"a": 1}],
        [{"a": 1, "b": 1}],
    ),
    (
        {"properties": {"a": {}}, "oneOf": [{"required": ["a"]}, {"required": ["b"]}], "required": ["c"]},
        [{"a": 1, "c": 1}],
        [{"a": 1, "b": 1, "c": 1}],
    ),
    (
        {"type": "object", "oneOf": [{"required": ["a"]}, {"required": ["b"]}], "anyOf": [{"required": ["c"]}, {"required": ["d"]}]},
        [{"a": 1, "d": 2}],
        [{"a": 1, "b": 1, "c": 1}],
    ),
    ({"type": "integer", "maximum": 9, "oneOf": [{"minimum": 3}, {"maximum": 5}]}, [1, 8], [4, 10]),
    ({"maxLength": 3, "oneOf": [{"minLength": 1}, {"enum": ["", "a"]}]}, ["", "bcd"], ["a", "bcde"]),
    (
        {"minItems": 1, "allOf": [{"oneOf": [{"maxItems": 1}, {"minItems": 1, "items": {"type": "null"}}]}]},
        [[1], [None, None]],
        [[None], []],
    ),
]


@pytest.mark.parametrize(("schema", "valid", "invalid"), ONE_OF, ids=lambda each: json.dumps(each)[:60])
def test_one_of_beside_own_words_is_not_any_of(schema, valid, invalid):
    part = JsonSchema(schema)
    memory = part.remember(BYTES)
    assert [accepted(part, memory, value) for value in (*valid, *invalid)] == [True] * len(valid) + [False] * len(invalid)
    if part.memory(BYTES).checks is None:  # then the engine alone must say so
        assert not any(accepted(part, replace(memory, checks=None), value) for value in invalid)
    assert part.can_dead_end == ("items" in json.dumps(schema))


def test_a_check_fails_where_the_value_ends_not_where_the_text_does():
    part = JsonSchema({"properties": {"x": {"uniqueItems": True}, "y": True}})
    state = part.start(BYTES)
    for byte in b'{"x": [1, 2, 1':
        state = state.advance(byte)
    assert not state.accepts(ord(","))
    assert not state.accepts(ord("]"))
    assert state.accepts(ord("0"))


@pytest.mark.parametrize("draft", ["04", "06", "07"])
def test_older_drafts_are_read_by_their_own_words(draft):
    schema = {
        "$schema": f"http://json-schema.org/draft-{draft}/schema#",
        "definitions": {"s": {"type": "string"}},
        "properties": {
            "ref": {"$ref": "#/definitions/s", "maxLength": 1},
            "list": {"items": [{"type": "integer"}], "additionalItems": {"type": "string"}},
            "low": {"type": "integer", "minimum": 3, **({"exclusiveMinimum": True} if draft == "04" else {"exclusiveMinimum": 3})},
        },
        "dependencies": {"low": ["list"], "ref": {"required": ["low"]}},
    }
    part = JsonSchema(schema)
    memory = part.remember(BYTES)
    reference = jsonschema.validators.validator_for(schema)(schema)
    for value in (
        {"list": [1, "a"], "low": 4, "ref": "long"},
        {"list": ["a"]},
        {"low": 4},
        {"list": [], "low": 3},
        {"ref": "a"},
        {"list": [1, 2], "low": 5},
    ):
        assert accepted(part, memory, value) == reference.is_valid(value), value


def test_multiples_are_decimal_and_the_reference_stays_as_it_is():
    assert jsonschema.Draft202012Validator({"format": "ipv4"}).is_valid("x")
    assert not jsonschema.Draft202012Validator({"multipleOf": 0.01}).is_valid(0.07)  # floats
    part = JsonSchema({"multipleOf": 0.01})
    assert accepted(part, part.remember(BYTES), 0.07)


def test_every_keyword_is_known_to_restrict_one_type_or_all():
    """A keyword that is missing in the table would be left out silently."""
    of_all_types = {"$ref", "$dynamicRef", "$recursiveRef", "type", "const", "enum", "allOf", "anyOf", "oneOf", "not", "if"}
    for draft in drafts():
        known = {"dependentRequired" if keyword == "dependencies" else keyword for keyword in draft.validator.VALIDATORS}
        assert known - of_all_types <= TYPE_OF_KEYWORD.keys(), draft.name
