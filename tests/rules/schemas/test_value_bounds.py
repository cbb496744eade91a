"""Bounds on generated values: kept where the schema leaves them open, given up where the schema asks for more."""

from __future__ import annotations

import json
import random

import pytest

from foretell.errors import UserError
from foretell.models.vocabulary import Vocabulary
from foretell.rules.constraints.json_schema import JsonSchema
from foretell.rules.schemas.strings import BYTES
from foretell.rules.schemas.value_bounds import ValueBounds

TOKENS = (
    *(bytes([byte]) for byte in range(32, 127)), b'"hello', b"lo wor", b"12", b"34, ", b", ", b'", "', b'"}, {"', b'"}', b'"]', b'": "',
    b'{"',     b"},", b"], [", b"1, ", b"true, ", b'": 12, "', b"0.", b"e5", "ä".encode(), "äö".encode(), b'\\n', None,
)  # fmt: skip
WORDS = Vocabulary(TOKENS, frozenset({len(TOKENS) - 1}))
MANY = {name: {"enum": [1]} for name in "abcd"}
BOUNDS = {"max_digits": 3, "max_string": 4, "max_items": 2, "max_properties": 2}


def written(text):
    """Whether all values of a JSON text are within `BOUNDS`."""

    def lengths(value):
        if isinstance(value, str):
            yield "string", len(json.dumps(value, ensure_ascii=False)) - 2
        elif isinstance(value, dict):
            yield "properties", len(value)
            for name, member in value.items():
                yield from lengths(name)
                yield from lengths(member)
        elif isinstance(value, list):
            yield "items", len(value)
            for item in value:
                yield from lengths(item)

    numbers = []
    value = json.loads(text, parse_int=lambda digits: numbers.append(digits) or 0, parse_float=lambda digits: numbers.append(digits) or 0)
    return all(length <= BOUNDS[f"max_{kind}"] for kind, length in lengths(value)) and all(len(digits) <= 3 for digits in numbers)


def random_text(constraint, draw, most=60):
    state = constraint.start(WORDS)
    for _ in range(most):
        allowed = state.allowed()
        tokens = [token for token in allowed.ids.tolist() if token not in WORDS.stop_tokens]
        assert all(state.accepts(token) for token in tokens[:5])
        if not tokens or (state.accepting and draw.random() < 0.3):
            break
        state = state.advance(draw.choice(tokens))
    ending = state.ending(100)
    assert ending is not None
    for token in ending:
        state = state.advance(token)
    return state.parser.text.decode()


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}},
        {"type": "array", "items": {"type": "string"}},
        {"type": "array", "items": {"type": "object", "additionalProperties": {"type": "string"}}},
        {"type": "object", "additionalProperties": {"type": "number"}},
        {"anyOf": [{"type": "number"}, {"type": "array", "items": {"type": "boolean"}}]},
    ],
)
def test_random_texts_are_within_the_bounds(schema):
    constraint, free, draw = JsonSchema(schema, bounds=BOUNDS), JsonSchema(schema), random.Random(1)
    texts = [random_text(constraint, draw) for _ in range(25)]
    assert [text for text in texts if not written(text)] == []
    assert all(free.accepts(text) for text in texts)
    assert len(set(texts)) > 5


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"type": "string", "minLength": 7, "maxLength": 7}, None),
        ({"enum": ["hello world"]}, '"hello world"'),
        ({"type": "integer", "minimum": 10000, "maximum": 10000}, "10000"),
        ({"type": "array", "items": {"enum": [1]}, "minItems": 4, "maxItems": 4}, "[1, 1, 1, 1]"),
        (
            {"type": "object", "properties": MANY, "required": list("abcd"), "additionalProperties": False},
            None,
        ),
    ],
)
def test_what_the_schema_requires_is_written_whatever_the_bounds(schema, text):
    constraint = JsonSchema(schema, bounds=BOUNDS)
    ending = constraint.start(BYTES).ending(100)
    assert ending is not None
    whole = BYTES.text(ending).decode()
    assert JsonSchema(schema).accepts(whole)
    assert text is None or whole == text


def test_bounds_are_part_of_the_value():
    part = JsonSchema(True, bounds={"max_items": 3})
    assert eval(repr(part)) == part
    assert part != JsonSchema(True)
    assert JsonSchema(True, bounds=False) == JsonSchema(True)
    assert ValueBounds.read(True) == ValueBounds()


@pytest.mark.parametrize(
    ("bounds", "word"), [({"max_item": 3}, "max_items"), ({"max_items": 0}, "max_items"), ("5", "bounds"), (3, "bounds")]
)
def test_wrong_bounds_are_named(bounds, word):
    with pytest.raises(UserError, match=word):
        JsonSchema(True, bounds=bounds)
