"""What must not hang, crash or be misread: each ends in an error that says where, or in a constraint. What hangs is
ended by the suite's limit for a test."""

from __future__ import annotations

import json

import pytest

from foretell.rules.constraints.json_schema import JsonSchema
from foretell.rules.schemas import schema_compiler
from foretell.rules.schemas.strings import BYTES


def nested(depth):
    schema = {"type": "string"}
    for _ in range(depth):
        schema = {"items": schema}
    return schema


def linked(num, link):
    """Definitions of which each refers to the next one."""
    definitions = {f"d{i}": link({"$ref": f"#/$defs/d{i + 1}"}) for i in range(num)}
    return {"$ref": "#/$defs/d0", "$defs": {**definitions, f"d{num}": {"type": "string"}}}


def doubling(word, depth=40):
    """Each definition names the one before it twice: small to write, endless to write out."""
    definitions = {"d0": {"type": "string", "properties": {"a": True}}}
    for i in range(1, depth):
        definitions[f"d{i}"] = {word: [{"$ref": f"#/$defs/d{i - 1}"}, {"$ref": f"#/$defs/d{i - 1}"}]}
    return {"$ref": f"#/$defs/d{depth - 1}", "$defs": definitions}


REFUSED = {
    "no object": ([1], "object or a bool"),
    "nothing": (None, "object or a bool"),
    "not JSON": ('{"type":', "not JSON text"),
    "NaN": ({"minimum": float("nan")}, "not JSON"),
    "a set": ({"enum": {1, 2}}, "not JSON"),
    "half a pair": ({"const": "\ud800"}, "surrogate"),
    "no type": ({"properties": {"a": {"type": "strin"}}}, "#/properties/a/type: not a JSON Schema"),
    "nearly a type": ({"type": "objekt"}, "'objekt' is no type, did you mean 'object'"),
    "nearly a type in a list": ({"items": {"type": ["null", "strng"]}}, "#/items/type: .*'strng' is no type, did you mean 'string'"),
    "no list": ({"required": "a"}, "#/required: not a JSON Schema"),
    "no pattern": ({"properties": {"a": {"pattern": "(["}}}, "not a regular expression"),
    "remote": ({"items": {"$ref": "https://example.com/s.json"}}, r"#/items/\$ref: .*nothing is fetched"),
    "a file": ({"$ref": "file:///s.json"}, "nothing is fetched"),
    "nowhere": ({"$ref": "#/$defs/a"}, "correct the reference"),
    "dialect": ({"$schema": "http://json-schema.org/draft-03/schema#"}, "not a supported dialect"),
    "two dialects": (
        {"$schema": "http://json-schema.org/draft-04/schema#", "items": {"$schema": "http://json-schema.org/draft-07/schema#"}},
        "keep one",
    ),
    "itself": ({"$ref": "#"}, "leads back to itself"),
    "a circle": (
        {"$ref": "#/$defs/a", "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/b"}]}, "b": {"$ref": "#/$defs/a"}}},
        "leads back to itself",
    ),
    "no base": ({"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}, "none of finite length"),
    "no base in arrays": ({"type": "array", "items": {"$ref": "#"}, "minItems": 1}, "none of finite length"),
    "false": (False, "no value is valid"),
    "bounds": ({"type": "integer", "minimum": 3, "maximum": 1}, "no value is valid"),
    "lengths": ({"type": "string", "minLength": 3, "maxLength": 1}, "no value is valid"),
    "types": ({"allOf": [{"type": "string"}, {"type": "integer"}]}, "no value is valid"),
    "empty enum": ({"enum": ["a"], "type": "integer"}, "no value is valid"),
    "deep": (nested(300), "nested deeper"),
    "deep values": ({"const": json.loads("[" * 140 + "]" * 140)}, "nested deeper than 127"),
    "a chain of references": (linked(1200, lambda part: part), r"#/\$defs/d\d+: 101 subschemas apply to one value"),
    "a chain of combinations": (linked(1200, lambda part: {"allOf": [part, {"minLength": 1}]}), r"#/\$defs/d\d+: 101 subschemas"),
    "a chain of choices": (linked(1200, lambda part: {"oneOf": [part, {"type": "null"}]}), r"#/\$defs/d\d+: 101 subschemas"),
    "deep text": ('{"items":' * 3000 + "{}" + "}" * 3000, "nested deeper"),
    "very deep text": ('{"items":' * 100_000 + "{}" + "}" * 100_000, "most_characters|nested deeper"),
    "large": ({"description": "x" * 2_000_000}, "more than most_characters=1000000"),
    "large enum": ({"enum": list(range(100_000))}, "#/enum: 100000 values"),
    "wild keys": ({"patternProperties": {"^(a+)+$": True}, "unevaluatedProperties": False}, "cannot be searched safely"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    schema, message = REFUSED[name]
    with pytest.raises(ValueError, match=message):
        JsonSchema(schema).start(BYTES)


TAKEN = {
    "names twice, all": doubling("allOf"),
    "names twice, any": doubling("anyOf"),
    "names twice, not": {"not": doubling("anyOf")["$ref"] and {"$ref": "#/$defs/d39"}, "$defs": doubling("anyOf")["$defs"]},
    "names twice, unevaluated": {**doubling("allOf"), "unevaluatedProperties": False},
    "many choices at once": {"allOf": [{"anyOf": [{"required": [f"{i}{j}"]} for j in range(4)]} for i in range(12)]},
    "overlapping choices": {"oneOf": [{"required": [f"p{i}"]} for i in range(80)]},
    "many dependencies": {"dependentRequired": {f"p{i}": [f"p{i + 1}"] for i in range(30)}},
    "many values": {"enum": [f"value {i}" for i in range(5000)]},
    "huge numbers": {"minimum": 10**400, "multipleOf": 1e-300},
    "huge counts": {"maxItems": 10**9, "minLength": 10**7, "minProperties": 10**6},
    "nested definitions": linked(400, lambda part: {"type": "object", "properties": {"a": part}}),
    "wild pattern": {"pattern": "^(a+)+$"},
    "wild repetition": {"pattern": "((a{1,1000}){1,1000}){1,1000}"},
    "recursive siblings": {
        "allOf": [{"$ref": "#/$defs/a"}],
        "$defs": {"a": {"properties": {"a": {"allOf": [{"$ref": "#/$defs/a"}, {"minProperties": 1}]}}}},
    },
}


@pytest.mark.parametrize("name", TAKEN)
def test_taken(name):
    state = JsonSchema(TAKEN[name]).start(BYTES)
    assert state.allowed()


def test_verdicts_that_would_take_forever_are_not_accepted():
    """2 ** 40 references for one string."""
    part = JsonSchema(
        {"items": doubling("allOf")["$defs"]["d0"] and {"$ref": "#/$defs/d39", "uniqueItems": True}, "$defs": doubling("allOf")["$defs"]}
    )
    assert not part.accepts('["a"]')


def test_a_search_that_runs_away_is_stopped_once():
    part = JsonSchema({"pattern": r"^(?=(a|aa)+$)(a|aa)+\1\1b$"})
    state = part.start(BYTES)
    for byte in b'"' + b"a" * 60:
        state = state.advance(byte)
    for _ in range(20):
        assert not state.accepts(ord('"'))
        state = state.advance(ord("a"))


def test_a_longer_schema_may_be_asked_for():
    schema = {"description": "x" * 2_000_000, "type": "null"}
    assert JsonSchema(schema, most_characters=3_000_000).accepts("null")


def test_texts_nested_beyond_python_are_not_accepted():
    state = JsonSchema({"uniqueItems": True}).start(BYTES)
    for byte in b"[" * 2000 + b"]" * 2000:
        if not state.accepts(byte):
            break
        state = state.advance(byte)
    else:
        pytest.fail("a value was complete that cannot be read")


def test_compilation_ends_in_bounded_time(monkeypatch):
    monkeypatch.setattr(schema_compiler, "MAX_SECONDS", -1.0)  # what has to be tried again takes too long
    assert JsonSchema({"const": "a"}).accepts('"a"')
    with pytest.raises(ValueError, match=r"#: 2 subschemas took more than .* split the schema"):
        JsonSchema({"items": {"const": json.loads("[" * 140 + "]" * 140)}}).start(BYTES)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string", "pattern": "^v", "enum": [f"v{i}" for i in range(10_000)]}, "v9999"),
        ({"enum": [f"v{i}" for i in range(10_000)], "not": {"const": "v3"}}, "v9999"),
        ({"type": "integer", "minimum": 5, "enum": list(range(10_000))}, 9999),
        ({"propertyNames": {"enum": [f"n{i}" for i in range(2000)]}}, {"n1999": 1}),
    ],
    ids=["pattern", "not", "minimum", "names"],
)
def test_long_enums_beside_other_keywords(schema, value, monkeypatch):
    """Each value is tested by the other keywords, and not looked for among all values."""
    from jsonschema import _keywords

    num_compared = 0
    equal = _keywords.equal

    def counting(one, other):
        nonlocal num_compared
        num_compared += 1
        return equal(one, other)

    monkeypatch.setattr(_keywords, "equal", counting)
    constraint = JsonSchema(schema)
    constraint.start(BYTES)
    assert num_compared < 50_000
    assert constraint.accepts(constraint.canonical_text(value))


def test_many_anchors():
    names = [f"a{i}" for i in range(2000)]
    schema = {"$defs": {name: {"$anchor": name, "const": name} for name in names}, "anyOf": [{"$ref": f"#{name}"} for name in names]}
    assert JsonSchema(schema).accepts('"a1999"')


def test_lengths_beyond_floats():
    assert JsonSchema(doubling_members(1100)).accepts('{"a": "x", "b": "y"}') is False


def doubling_members(depth):
    """Objects whose shortest texts double at each level."""
    return linked(depth, lambda part: {"type": "object", "properties": {"a": part, "b": part}, "required": ["a", "b"]})


def test_many_branches_of_one_of():
    schema = {"oneOf": [{"const": f"p{i}"} for i in range(1000)]}
    assert JsonSchema(schema).accepts('"p999"')
