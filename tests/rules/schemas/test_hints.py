"""What was probably meant otherwise is said: misspelt words, words of other drafts, wrappers and examples of values."""

from __future__ import annotations

import warnings

import pytest

from foretell.rules.constraints.json_schema import JsonSchema
from foretell.rules.schema_source import read_schema
from foretell.rules.schemas.drafts import SchemaError

pytestmark = pytest.mark.usefixtures("cache")

INTEGER = {"type": "integer"}
NEWEST = "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "string", "maxlength": 3}, "#: `maxlength` .* did you mean 'maxLength'"),
        ({"properties": {"a": {"type": "string", "min_length": 3}}}, "#/properties/a: `min_length` .* 'minLength'"),
        ({"type": "object", "requried": ["a"]}, "did you mean 'required'"),
        ({"type": "object", "additionalproperties": False}, "did you mean 'additionalProperties'"),
        ({"type": "string", "nullable": True}, 'add "null" to the types'),
        (
            {"$schema": NEWEST, "dependencies": {"a": ["b"]}},
            "`dependencies` is a keyword of drafts 4 to 7, not of draft 2020-12; write dependentRequired",
        ),
        ({"$schema": "http://json-schema.org/draft-07/schema#", "unevaluatedProperties": False}, "not of draft 7"),
        ({"prefixItems": [{}], "additionalItems": False}, "write items"),
        ({"type": "object", "name": {"type": "string"}}, "a property belongs below `properties`"),
        ({"properties": {"a": {"street": "string"}}}, "#/properties/a has no keyword"),
    ],
)
def test_a_word_without_effect_that_was_meant_to_have_one_is_a_warning(schema, said):
    with pytest.warns(UserWarning, match=said):
        JsonSchema(schema)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "example": "a", "x-order": 3, "label": "A", "descripton": "A"},
        {"title": "anything", "x-order": 3},
        {"definitions": {"a": {}}},
        {"properties": {"maxlength": {}, "enums": {}}},
        {"enum": [{"maxlength": 3}]},
        {},
    ],
)
def test_other_words_are_no_warning(schema):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        JsonSchema(schema)


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"a": "string"}, "example of a value"),
        ({"title": "Dune", "year": 1965}, "example of a value"),
        ({"enums": ["a"]}, "did you mean 'enum'"),
        ({"properties": {"a": "string"}}, r'#/properties/a: .*write {"type": "string"}'),
        ({"type": "any"}, "leave `type` out"),
        ({"type": "String"}, "write 'string'"),
        ({"properties": {"a": {"required": True}}}, "list of names"),
        ({"$schema": "http://json-schema.org/draft-07/schema", "exclusiveMinimum": True}, "#/exclusiveMinimum: .*draft 4"),
        ({"$schema": NEWEST, "items": [{}]}, "#/items: .*prefixItems"),
        ({"name": "f", "input_schema": {}}, "description of a tool"),
        ({"type": "function", "function": {"name": "f", "parameters": {}}}, "description of a tool"),
        ({"type": "json_schema", "json_schema": {"name": "a"}}, 'no "schema" in it'),
    ],
)
def test_what_is_no_schema_is_refused_with_a_remedy(schema, said):
    with pytest.raises(SchemaError, match=said):
        JsonSchema(schema)


def test_wrappers_of_other_programs_are_opened():
    for wrapper in (
        {"name": "n", "schema": INTEGER},
        {"name": "n", "strict": True, "schema": INTEGER},
        {"type": "json_schema", "json_schema": {"name": "n", "schema": INTEGER}},
        {"type": "json_schema", "name": "n", "schema": INTEGER},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": INTEGER}}},
    ):
        assert JsonSchema(wrapper) == JsonSchema(INTEGER)
        assert read_schema(wrapper)[0] == INTEGER
    strict = {"name": "n", "strict": True, "schema": {"type": "object", "properties": {"a": {}}}}
    assert not JsonSchema(strict).accepts('{"b": 1}')
    assert JsonSchema({"type": "object", "properties": {"name": {}, "schema": {}}}).accepts('{"name": 1, "schema": 2}')
