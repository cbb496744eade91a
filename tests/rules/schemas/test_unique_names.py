"""No generated object has two members of one name."""

from __future__ import annotations

import json
import random

import pytest

from foretell.models.vocabulary import Vocabulary
from foretell.rules.constraints.json_schema import JsonSchema

#: Bytes, and tokens that write several of them: parts of names, whole names, names with what stands around them.
TOKENS = (
    *(bytes([byte]) for byte in range(32, 127)), b'{"', b'": ', b'", "', b'": 1, "', b', "', b'"a"', b'"a": ', b'{"a": 1',
    b', "a": ', b'a"', b'ab"',
    b'"ab"', b"1, ", b'"}', b'}, "', b'}, "a": ', b'\\u0061', b'\\u0061"', b'b": {"', b'": {"a": 1, "', None,
)  # fmt: skip
WORDS = Vocabulary(TOKENS, frozenset({len(TOKENS) - 1}))
OPEN = {"type": "object", "additionalProperties": {"enum": [1]}}
NESTED = {"type": "object", "additionalProperties": {"anyOf": [{"enum": [1]}, {"$ref": "#"}]}}
NAMED = {"type": "object", "properties": {"a": {"enum": [1]}}, "additionalProperties": {"enum": [1]}}
CHECKED = {"type": "object", "additionalProperties": {"enum": [1]}, "propertyNames": {"not": {"const": "zz"}, "maxLength": 4}}
PATTERNS = {"type": "object", "patternProperties": {"^a": {"enum": [1]}, "^b": {"enum": [1]}}, "additionalProperties": False}


def unique(pairs):
    names = [name for name, _ in pairs]
    assert len(set(names)) == len(names), pairs
    return dict(pairs)


@pytest.mark.parametrize("schema", [OPEN, NESTED, NAMED, CHECKED, PATTERNS, True])
def test_random_texts_have_unique_names(schema):
    constraint, seen, draw = JsonSchema(schema), 0, random.Random(0)
    likely = [token for token, data in enumerate(TOKENS[:-1]) if set(data) <= set(b'{}", :ab1u06\\')]
    for _ in range(120):
        state = constraint.start(WORDS)
        for _ in range(40):
            if state.accepting and draw.random() < 0.5:
                break
            choices = [token for token in likely if state.accepts(token)]
            if not choices:
                break
            allowed = state.allowed()
            assert all(token in allowed for token in choices)
            state = state.advance(draw.choice(choices))
        if state.accepting:
            seen += len(json.loads(state.parser.text, object_pairs_hook=unique) or ()) > 1 if schema is not True else 1
    assert seen > 3


@pytest.mark.parametrize("schema", [OPEN, CHECKED])
def test_the_token_set_has_no_token_that_repeats_a_name(schema):
    state = JsonSchema(schema).start(WORDS)
    for token in (TOKENS.index(b'{"'), TOKENS.index(b"a"), TOKENS.index(b'": 1, "')):
        state = state.advance(token)
    allowed = state.allowed()
    for token, data in enumerate(TOKENS[:-1]):
        if data in (b'a"', b'\\u0061"', b'a": '):
            assert token not in allowed
    assert TOKENS.index(b'ab"') in allowed
    after = state.advance(TOKENS.index(b"a")).allowed()
    assert TOKENS.index(b'"') not in after
    assert TOKENS.index(b'": ') not in after
    assert TOKENS.index(b'a"') in after


def test_an_escape_does_not_hide_a_repeated_name():
    constraint = JsonSchema(OPEN)
    assert constraint.accepts('{"a": 1, "b": 1}')
    assert not constraint.accepts('{"a": 1, "a": 1}')
    assert not constraint.accepts('{"a": 1, "\\u0061": 1}')
    assert not constraint.accepts('{"\\u0061": 1, "a": 1}')


def test_objects_of_one_array_may_have_the_same_names():
    assert JsonSchema(True).accepts('[{"a": 1}, {"a": {"a": 1}}]')
    assert not JsonSchema(True).accepts('[{"a": 1}, {"b": 1, "a": {"a": 1}, "b": 2}]')


def test_names_can_run_out_under_a_pattern():
    assert JsonSchema(PATTERNS).can_dead_end
    assert not JsonSchema(OPEN).can_dead_end
