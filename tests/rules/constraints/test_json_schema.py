"""The constraint as a part and its states: masks, forced tokens, all short texts."""

from __future__ import annotations

import itertools
import json

import jsonschema
import pytest

from foretell.decoding.constraint import EndedState
from foretell.models.vocabulary import Vocabulary
from foretell.rules.constraints.json_schema import JsonSchema
from foretell.rules.schemas.keyword_report import keyword_report
from foretell.rules.schemas.strings import BYTES
from foretell.rules.schemas.validator import SchemaValidator

TOKENS = (*(byte.encode() for byte in '[]{}"ab:,01 '), b", ", b"true", b'"a', b'a"', b'"]', b"0]", b'"a"', b'": ', None)
STOP = len(TOKENS) - 1
SMALL = Vocabulary(TOKENS, frozenset({STOP}))


def test_is_a_value():
    part = JsonSchema({"type": "array", "items": {"type": "boolean"}}, whitespace="compact")
    assert part == JsonSchema('{"type": "array",  "items": {"type": "boolean"}}', "compact")
    assert eval(repr(part)) == part
    assert hash(part) == hash(part.replace())
    assert part.replace(whitespace="json").schema == part.schema
    assert list(json.loads(JsonSchema({"title": "b", "description": "a"}).schema)) == [
        "title",
        "description",
    ]  # the order is that of properties


@pytest.mark.parametrize("option", ["whitespace", "unsupported", "formats", "most_characters", "draft"])
def test_options_are_checked(option):
    with pytest.raises(ValueError, match=option):
        JsonSchema(True, **{option: "none" if option != "most_characters" else 1})


def texts(state, most, written=b""):
    """All texts of at most `most` tokens that may end."""
    allowed = set(state.allowed().ids.tolist())
    assert allowed == {token for token in range(SMALL.size) if state.accepts(token)}
    assert state.accepting == bool(allowed & SMALL.stop_tokens)
    assert state.finished == (bool(allowed) and allowed <= SMALL.stop_tokens)
    forced = state.forced()
    assert not forced or allowed == {forced[0]}
    if state.accepting:
        yield written
    for token in sorted(allowed - SMALL.stop_tokens):
        if most:
            yield from texts(state.advance(token), most - 1, written + SMALL.tokens[token])


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": {"enum": ["a", "b", 0]}, "uniqueItems": True, "maxItems": 2},
        {"type": "array", "items": {"enum": ["a", "b", 0, True]}, "contains": {"const": "a"}, "maxItems": 2},
        {
            "properties": {"a": {"enum": [0, 1]}, "b": {"not": {"const": 1}}},
            "maxProperties": 1,
            "additionalProperties": False,
            "type": "object",
        },
        {"enum": ["a", "ab", 0, [1, 0], {"a": 1}], "not": {"type": "array"}},
        {"type": "string", "pattern": "^(?!b)[ab]{1,2}$"},
        {"type": ["integer", "array"], "not": {"enum": [1, 10, [1]]}, "maximum": 11, "minimum": 0, "items": {"enum": [1]}, "maxItems": 1},
    ],
    ids=json.dumps,
)
def test_the_short_texts_are_the_valid_ones(schema):
    part = JsonSchema(schema)
    reference = jsonschema.Draft202012Validator(schema)
    found = set(texts(part.start(SMALL), 5))
    assert found
    assert all(reference.is_valid(json.loads(text)) for text in found)
    scalars = ["a", "b", "ab", "ba", "aa", "bb", 0, 1, 10, 11, True]
    values = [
        *scalars,
        [],
        {},
        *([a] for a in scalars[:9]),
        *map(list, itertools.product(["a", "b", 0], repeat=2)),
        {"a": 0},
        {"b": 0},
        {"a": 1},
    ]
    for value in values:
        text = part.canonical_text(value)
        if reference.is_valid(value) and len(SMALL.encode(text)) <= 5:
            assert text.encode() in found
        assert part.accepts(text) == reference.is_valid(value)


def test_states_never_change():
    state = JsonSchema({"type": "array", "uniqueItems": True}).start(SMALL)
    one = state.advance(SMALL.encode("[")[0]).advance(SMALL.encode("1")[0])
    before = one.allowed().ids.tolist()
    other = one.advance(SMALL.encode(", ")[0]).advance(SMALL.encode("0")[0])
    assert other.allowed()
    assert one.allowed().ids.tolist() == before
    ended = one.advance(SMALL.encode("]")[0]).advance(STOP)
    assert isinstance(ended, EndedState)
    with pytest.raises(ValueError, match="not allowed"):
        one.advance(SMALL.encode("{")[0])


def test_a_forced_text_stops_where_a_check_fails():
    part = JsonSchema({"type": "array", "items": {"const": "aab"}, "uniqueItems": True, "minItems": 1, "maxItems": 1})
    assert SMALL.text(part.start(SMALL).forced()).startswith(b"[")
    part = JsonSchema({"enum": ["ab"], "pattern": "^(?!b)"})
    assert part.accepts('"ab"')
    state = JsonSchema({"type": "array", "items": {"const": 1}, "not": {"const": [1]}, "minItems": 1, "maxItems": 1}).start(BYTES)
    assert bytes(state.forced()) == b"[1"


@pytest.mark.parametrize(
    ("whitespace", "good", "bad"),
    [
        ("json", '{"a": [1, 2]}', '{"a":[1,2]}'),
        ("compact", '{"a":[1,2]}', '{"a": [1, 2]}'),
        ("flexible", '{\n  "a": [1,\t2 ]}', '{"a":' + " " * 60 + "[1]}"),
    ],
)
def test_white_space(whitespace, good, bad):
    part = JsonSchema({"properties": {"a": {"items": {"type": "integer"}, "uniqueItems": True}}}, whitespace)
    assert part.accepts(good)
    assert not part.accepts(bad)
    assert part.accepts(part.canonical_text({"a": [1, 2]}))


def test_formats():
    schema = {"properties": {"a": {"format": "ipv4"}, "b": {"format": "color"}}}
    assert not JsonSchema(schema).accepts('{"a": "x"}')
    assert JsonSchema(schema, formats="annotate").accepts('{"a": "x", "b": "y"}')
    lines = {
        line.path: (line.level, line.why) for line in keyword_report(JsonSchema(schema).remember(BYTES)).lines if line.keyword == "format"
    }
    assert lines["#/properties/a"][0] == "compiled"
    assert lines["#/properties/b"] == ("annotation", "'color' is an annotation, since the format is unknown")
    for name, good, bad in (("json-pointer", "/a/b~0", "a"), ("uri-reference", "a/b?c#d", "a b"), ("idn-email", "ä@ö.de", "ä")):
        part = JsonSchema({"not": {"not": {"format": name}}, "type": "string"})
        assert part.accepts(json.dumps(good, ensure_ascii=False))
        assert not part.accepts(json.dumps(bad, ensure_ascii=False))


def test_canonical_text_has_the_schemas_order_and_plain_numbers():
    schema = {
        "allOf": [{"properties": {"z": {}}}],
        "properties": {"b": {}, "a": {"properties": {"y": {}, "x": {}}}},
        "required": ["n"],
        "anyOf": [{"properties": {"d": {"const": 1}, "c": {}}}, {"properties": {"c": {}, "d": {}}}],
    }
    value = {"o": 1e3, "c": 0.00001, "d": 2, "n": -0.0, "a": {"x": "\x7f", "y": 1.0}, "b": [], "z": None}
    part = JsonSchema(schema)
    text = part.canonical_text(value)
    assert text == '{"z": null, "b": [], "a": {"y": 1, "x": "\\u007f"}, "c": 0.00001, "d": 2, "n": 0, "o": 1000}'
    assert part.accepts(text)
    with pytest.raises(ValueError, match="no JSON text"):
        part.canonical_text(float("inf"))


def test_every_keyword_is_in_the_keyword_report():
    schema = {"type": "object", "properties": {"a": {"uniqueItems": True, "propertyOrder": 1}}, "description": "no keyword of validation"}
    found = keyword_report(JsonSchema(schema).remember(BYTES))
    assert {(line.path, line.keyword, line.level) for line in found.lines} == {
        ("#", "type", "compiled"),
        ("#", "properties", "compiled"),
        ("#/properties/a", "uniqueItems", "checked"),
        ("#/properties/a", "propertyOrder", "unknown"),
    }


@pytest.mark.parametrize(
    ("schema", "least"),
    [
        ({"type": "object", "properties": {"a": {"type": "string", "minLength": 3}}, "required": ["a"]}, '{"a": "xxx"}'),
        ({"type": "array", "items": {"enum": [100, 20]}, "minItems": 2}, "[20, 20]"),
        (
            {
                "$ref": "#/$defs/t",
                "$defs": {"t": {"anyOf": [{"const": None}, {"type": "array", "items": {"$ref": "#/$defs/t"}, "minItems": 1}]}},
            },
            "null",
        ),
    ],
)
def test_the_shortest_text_is_known(schema, least):
    part = JsonSchema(schema)
    assert part.accepts(least)
    assert keyword_report(part.remember(BYTES)).shortest == len(least)


def test_a_typed_enum_is_filtered_without_validations(monkeypatch):
    calls = []
    before = SchemaValidator.is_valid
    monkeypatch.setattr(SchemaValidator, "is_valid", lambda self, node, value: calls.append(value) or before(self, node, value))
    values = ["a", 1, 1.5, None, True, [1], {"a": 1}]
    part = JsonSchema({"type": ["integer", "boolean", "array"], "enum": values})
    assert [part.accepts(json.dumps(value)) for value in values] == [False, True, False, False, True, True, False]
    assert len(calls) < 2 * len(values)  # one for each finished text, and none for each value
