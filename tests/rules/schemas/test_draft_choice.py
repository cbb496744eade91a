"""Which draft a schema is read as: by its `$schema`, by words that only some drafts have, and embedded schemas each by their own."""

from __future__ import annotations

import warnings

import pytest

from foretell.rules.constraints.json_schema import JsonSchema
from foretell.rules.schemas.drafts import SchemaError
from foretell.rules.schemas.schema_compiler import parsed_schema
from foretell.rules.schemas.strings import BYTES

pytestmark = [pytest.mark.usefixtures("cache"), pytest.mark.filterwarnings("ignore::UserWarning")]

SEVEN = "http://json-schema.org/draft-07/schema#"
MIXED = {
    "type": "object",
    "properties": {
        "a": {
            "$id": "http://example.com/seven",
            "$schema": SEVEN,
            "items": [{"type": "integer"}],
            "dependencies": {"p": ["q"]},
            "definitions": {"texts": {"items": [{"type": "string"}]}},
            "properties": {"z": {"$ref": "#/definitions/texts"}},
        },
        "b": {"$ref": "http://example.com/seven#/definitions/texts"},
        "c": {"id": "http://example.com/four", "$schema": "http://json-schema.org/draft-04/schema", "minimum": 1, "exclusiveMinimum": True},
        "d": {"$ref": "http://example.com/four"},
        "e": {"prefixItems": [{"type": "boolean"}]},
    },
}


def takes(schema, value, **options):
    part = JsonSchema(schema, **options)
    verdict = part.accepts(part.canonical_text(value))
    memory = part.remember(BYTES)
    assert verdict == memory.validator.is_valid(memory.graph.root, value)
    return verdict


@pytest.mark.parametrize(
    "uri", ["https://json-schema.org/draft-07/schema", SEVEN, SEVEN.rstrip("#"), "https://json-schema.org/draft-07/schema#"]
)
def test_a_dialect_is_known_by_http_and_https_with_and_without_its_fragment(uri):
    assert takes({"$schema": uri, "items": [{"type": "integer"}]}, [1])
    assert not takes({"$schema": uri, "items": [{"type": "integer"}]}, ["1"])


@pytest.mark.parametrize(
    ("schema", "draft", "good", "bad"),
    [
        ({"dependencies": {"a": ["b"]}}, "Draft7", {"a": 1, "b": 2}, {"a": 1}),
        ({"items": [{"type": "integer"}], "additionalItems": False}, "Draft7", [1], [1, 2]),
        ({"minimum": 1, "exclusiveMinimum": True}, "Draft4", 2, 1),
        ({"properties": {"x": {"dependencies": {"a": {"required": ["b"]}}}}}, "Draft7", {"x": {"b": 1}}, {"x": {"a": 1}}),
        ({"items": [{}], "dependentRequired": {"a": ["b"]}}, "Draft201909", {}, {"a": 1}),
        ({"properties": {"a": {"$recursiveRef": "#"}}, "type": "object"}, "Draft201909", {"a": {}}, {"a": 1}),
        ({"definitions": {"a": {"$id": "#a", "type": "null"}}, "$ref": "#a"}, "Draft7", None, 1),
        ({"definitions": {"a": {"id": "http://x.org/a", "type": "null"}}, "allOf": [{"$ref": "http://x.org/a"}]}, "Draft4", None, 1),
    ],
)
def test_words_of_older_drafts_give_the_draft_away_and_it_is_said(schema, draft, good, bad):
    with pytest.warns(UserWarning, match='the schema is read as draft .* because of .* at #.*add "\\$schema"'):
        JsonSchema(schema)
    assert parsed_schema(JsonSchema(schema).schema).draft.name == draft
    assert takes(schema, good)
    assert not takes(schema, bad)


def test_no_old_word_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for schema in (
            {"$schema": SEVEN, "items": [{}]},
            {"definitions": {"a": {}}, "id": "a"},
            {"enum": [{"dependencies": {"a": ["b"]}}]},
        ):
            JsonSchema(schema)
    assert parsed_schema('{"id": "http://x.org/a"}').draft.name == "Draft202012"


@pytest.mark.parametrize(
    ("schema", "places"),
    [
        ({"dependencies": {"a": ["b"]}, "properties": {"z": {"prefixItems": []}}}, "`dependencies` at # .*`prefixItems` at #/properties/z"),
        ({"exclusiveMinimum": True, "const": 2}, "`exclusiveMinimum` at # .*`const` at #"),
        (
            {"properties": {"a": {"$schema": SEVEN}, "b": {"$schema": "https://json-schema.org/draft/2020-12/schema"}}},
            "#/properties/b/.*#/properties/a/",
        ),
        (
            {"$schema": SEVEN, "properties": {"a": {"$schema": "http://json-schema.org/draft-04/schema"}}},
            "#/properties/a/.*#/\\$schema|#/\\$schema.*#/properties/a/",
        ),
    ],
)
def test_words_that_no_draft_has_together_are_refused_with_both_places(schema, places):
    with pytest.raises(SchemaError, match=places):
        JsonSchema(schema)


def test_the_draft_can_be_said():
    schema = {"properties": {"a": {"type": "string"}}, "$ref": "#/$defs/o", "$defs": {"o": {"type": "object"}}}
    assert takes(schema, {"a": 1}, draft="7")  # which ignores what stands beside $ref
    assert not takes(schema, {"a": 1})
    with pytest.raises(SchemaError, match="not draft 4"):
        JsonSchema({"$schema": SEVEN}, draft="4")
    part = JsonSchema({"items": [{"type": "null"}]}, draft="2019-09")
    assert eval(repr(part)) == part


@pytest.mark.parametrize(
    ("value", "is_valid"),
    [
        ({"a": [1, "x"]}, True),
        ({"a": ["x"]}, False),
        ({"a": {"p": 1}}, False),
        ({"a": {"p": 1, "q": 2}}, True),
        ({"a": {"z": ["s"]}}, True),
        ({"a": {"z": [1]}}, False),
        ({"b": ["s"]}, True),
        ({"b": [1]}, False),
        ({"c": 2}, True),
        ({"c": 1}, False),
        ({"d": 1}, False),
        ({"e": [True]}, True),
        ({"e": [1]}, False),
    ],
)
def test_embedded_schemas_keep_their_own_drafts(value, is_valid):
    assert takes(MIXED, value) == is_valid


def test_an_embedded_schema_is_checked_by_its_own_draft():
    with pytest.raises(SchemaError, match=r"#/properties/a/exclusiveMinimum: not a JSON Schema of Draft7"):
        JsonSchema({"properties": {"a": {"$id": "http://x.org/a", "$schema": SEVEN, "exclusiveMinimum": True}}})
    with pytest.raises(SchemaError, match="no id of that draft"):
        JsonSchema({"$schema": SEVEN, "allOf": [{"$id": "http://x.org/a", "$schema": "http://json-schema.org/draft-04/schema"}]})


@pytest.mark.parametrize(
    "data", [{"$schema": SEVEN, "a": 1}, {"$ref": "#/x"}, {"$id": "http://x.org"}, {"dependencies": {"a": ["b"]}}, {"items": [1]}]
)
def test_what_stands_in_values_is_data(data):
    assert takes({"enum": [data]}, data)
    assert takes({"const": data}, data)
    assert not takes({"enum": [data]}, {"a": 1})
    for keyword in ("default", "x-unknown"):
        assert takes({"type": "object", keyword: data}, {})
    assert takes({"type": "object", "examples": [data]}, {})


@pytest.mark.parametrize(
    "name", ["$schema", "$ref", "$id", "$anchor", "id", "enum", "const", "properties", "items", "dependencies", "required"]
)
def test_names_of_properties_are_data(name):
    schema = {"type": "object", "properties": {name: {"type": "string"}}, "required": [name]}
    assert takes(schema, {name: "x"})
    assert not takes(schema, {name: 1})


def test_names_are_data_where_a_definition_allows_nothing():
    never = {"anyOf": [{"$ref": "#/$defs/n"}, {"type": "null"}]}
    endless = {"n": {"type": "array", "items": {"$ref": "#/$defs/n"}, "minItems": 1}}
    schema = {"type": "object", "properties": {"$ref": {"type": "string"}, "enum": never, "x": never}, "$defs": endless}
    assert takes(schema, {"$ref": "a", "enum": None, "x": None})
    assert not takes(schema, {"enum": []})


def test_2019_counts_what_schemas_of_additional_properties_evaluate():
    schema = {
        "$schema": "https://json-schema.org/draft/2019-09/schema",
        "additionalProperties": {"type": "string"},
        "unevaluatedProperties": False,
    }
    assert takes(schema, {"a": "x"})
    assert not takes(schema, {"a": 1})


#: What is no schema, and what is none of draft 2020-12.
NO_SCHEMAS = [
    *({"type": 5}, {"required": True}, {"properties": {"a": "string"}}, {"enum": 3}, {"$ref": 5}, {"pattern": 3}, {"minLength": "x"}),
    *(
        {"allOf": {}},
        {"type": "any"},
        {"properties": [1]},
        {"items": [{"type": "null"}]},
        {"properties": {"a": {"exclusiveMinimum": True}}},
    ),
]


@pytest.mark.parametrize("part", NO_SCHEMAS)
def test_what_a_reference_finds_below_no_keyword_is_checked_too(part):
    with pytest.raises(SchemaError, match=r"#/components/A.*: not a JSON Schema of Draft202012"):
        JsonSchema({"$ref": "#/components/A", "components": {"A": part}})
    with pytest.raises(SchemaError, match=r"#/default.*: not a JSON Schema of Draft202012"):
        JsonSchema({"properties": {"a": {"$ref": "#/default"}}, "default": part})


def test_a_schema_below_no_keyword_may_be_referred_to():
    schema = {"$ref": "#/components/A", "components": {"A": {"items": {"$ref": "#/components/B"}}, "B": {"type": "null"}}}
    assert takes(schema, [None])
    assert not takes(schema, [1])
    assert takes({"$ref": "http://json-schema.org/draft-07/schema#"}, {"type": "null"})
    assert not takes({"$ref": "http://json-schema.org/draft-07/schema#"}, {"type": 5})
