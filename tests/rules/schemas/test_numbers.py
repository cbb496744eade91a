"""Numbers at and beyond the ends of what engines and floats store."""

from __future__ import annotations

import json

import pytest

from foretell.rules.constraints.json_schema import JsonSchema
from foretell.rules.schemas.canonical_text import canonical_number
from foretell.rules.schemas.open_numbers import NumberBounds, overflows
from foretell.rules.schemas.strings import BYTES

BIG = 10**30
CASES = [
    ({"type": "integer", "minimum": -(2**63)}, [-(2**63), 0, BIG], [-(2**63) - 1]),
    ({"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1}, [-(2**63), 2**63 - 1], [2**63, -(2**63) - 1]),
    ({"type": "integer", "minimum": 0, "maximum": 2**64 - 1}, [2**64 - 1, 0], [2**64, -1]),
    ({"type": "integer", "maximum": BIG}, [BIG, -BIG], [BIG + 1]),
    ({"type": "integer", "minimum": BIG}, [BIG, BIG * 7], [BIG - 1, 5]),
    ({"type": "integer", "exclusiveMinimum": 2**53}, [2**53 + 1], [2**53]),
    ({"type": "integer", "minimum": 2**53 + 1, "exclusiveMaximum": 2**53 + 3}, [2**53 + 1, 2**53 + 2], [2**53, 2**53 + 3]),
    ({"type": "integer", "minimum": 2**62, "maximum": 2**62}, [2**62], [2**62 - 1, 2**62 + 1]),
    ({"type": "integer", "minimum": 1.5, "maximum": 3.5}, [2, 3], [1, 4]),
    ({"type": "integer", "multipleOf": 10**20}, [10**20, 0], [10**20 + 1]),
    ({"type": "number", "maximum": 1e20}, [10**20, 3.5, -BIG], [10**21]),
    ({"type": "number", "minimum": -1e19}, [-(10**19), 5.5], [-(10**20)]),
    ({"type": "number", "exclusiveMaximum": 2**64}, [2**64 - 1, 0.5], [2**64]),
    ({"type": "number", "minimum": 1e-320}, [0.5], [0, -1]),
    ({"maximum": 1e300}, [10**299, 1], [10**301]),
    ({"minimum": 10**400}, [10**401], [5]),
    ({"const": 2**64 - 1}, [2**64 - 1], [2**64, 1]),
    ({"enum": [2**63, "a", 5]}, [2**63, 5, "a"], [2**63 + 1, 6]),
    ({"not": {"maximum": 2**63}}, [2**63 + 1], [2**63, 1]),
    ({"type": "integer"}, [10**400, 0], [0.5]),
]


def accepts(part: JsonSchema, text: str) -> bool:
    state = part.start(BYTES)
    for byte in text.encode():
        if not state.accepts(byte):
            return False
        state = state.advance(byte)
    return state.accepting


@pytest.mark.parametrize(("schema", "valid", "invalid"), CASES, ids=lambda each: json.dumps(each)[:50])
def test_bounds_of_any_size_are_exact(schema, valid, invalid):
    part = JsonSchema({"properties": {"x": schema}, "required": ["x"]})
    texts = {value: json.dumps(value) if isinstance(value, str) else canonical_number(value) for value in (*valid, *invalid)}
    for value, text in texts.items():
        assert accepts(part, f'{{"x": {text}}}') == (value in valid), value


def test_a_number_stops_where_it_leaves_its_bounds():
    state = JsonSchema({"items": {"type": "integer", "maximum": 2**64 - 1, "minimum": 0}}).start(BYTES)
    for byte in b"[1844674407370955161":
        state = state.advance(byte)
    assert state.accepts(ord("5"))
    assert not state.accepts(ord("6"))
    state = state.advance(ord("5"))
    assert not any(state.accepts(byte) for byte in b"0123456789")
    assert state.accepts(ord("]"))


def test_a_constant_beyond_floats_is_forced():
    state = JsonSchema({"const": 2**64 - 1}).start(BYTES)
    text = b""
    while not state.accepting:
        [byte] = state.allowed().ids.tolist()
        text, state = text + bytes([byte]), state.advance(byte)
    assert int(text) == 2**64 - 1


@pytest.mark.parametrize("schema", [True, {"type": "number"}, {"items": {}}, {"maximum": 5}, {"uniqueItems": True}], ids=json.dumps)
@pytest.mark.parametrize("number", ["1e400", "-1e400", "1E+309", "12.5e308", "1.0e999999"])
def test_no_number_is_infinite(schema, number):
    part = JsonSchema(schema)
    wrap = "[{}]" if isinstance(schema, dict) and "items" in json.dumps(schema).lower() else "{}"
    assert not accepts(part, wrap.format(number))
    state = part.start(BYTES)
    for byte in wrap.format(number).split("]")[0].encode():
        if not state.accepts(byte):
            return
        state = state.advance(byte)
    pytest.fail("the number was not stopped where it became infinite")


def test_what_overflows():
    assert [overflows(text) for text in (b"1e308", b"1e309", b"0e999", b"1e-999", b"1e", b"9" * 400, b"9" * 400 + b".5")] == [
        False, True, False, False, False, False, True,
    ]  # fmt: skip
    bounds = NumberBounds.of([{"type": ["integer"], "minimum": 20, "exclusiveMaximum": 26}])
    assert [bounds.allow(text) for text in (b"2", b"20", b"25", b"26", b"3", b"-", b"1")] == [True, True, True, False, False, False, False]
