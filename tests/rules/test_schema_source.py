"""Schemas from all the places where users have them."""

from __future__ import annotations

import json
import re
import typing
from dataclasses import dataclass
from enum import Enum
from socket import socket

import pytest
from pydantic import BaseModel, TypeAdapter

from foretell.errors import UserError
from foretell.rules import schema_source
from foretell.rules.constraints.json_schema import JsonSchema
from foretell.rules.constraints.regex import Regex
from foretell.rules.rule import make_rule
from foretell.rules.schema_source import read_schema

pytestmark = pytest.mark.usefixtures("cache")

SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}


class Person(BaseModel):
    name: str


class Group(BaseModel):
    members: list[Person]
    properties: dict[str, int] = {}


class Open(BaseModel, extra="allow"):
    name: str


@dataclass
class Point:
    x: int
    y: int


def test_a_dict_a_bool_json_text_and_a_file(tmp_path):
    path = tmp_path / "person.json"
    path.write_text(json.dumps(SCHEMA))
    for source in (SCHEMA, json.dumps(SCHEMA), str(path), path):
        schema, read = read_schema(source)
        assert schema == SCHEMA
        assert read('{"name": "Ada"}') == {"name": "Ada"}
    assert read_schema(True)[0] is True
    assert read_schema("false")[0] is False


def test_python_types_come_back_as_themselves():
    assert read_schema(Person)[1]('{"name": "Ada"}') == Person(name="Ada")
    assert read_schema(Person)[0]["required"] == ["name"]
    assert read_schema(Person)[0]["additionalProperties"] is False
    assert read_schema(Group)[0]["$defs"]["Person"]["additionalProperties"] is False
    assert read_schema(Open)[0]["additionalProperties"] is True
    assert read_schema(Point)[1]('{"x": 1, "y": 2}') == Point(1, 2)
    assert read_schema(list[int])[0] == {"type": "array", "items": {"type": "integer"}}


def test_bad_sources_are_refused_and_say_why(tmp_path, monkeypatch):
    (tmp_path / "bad.json").write_text("{not json")
    (tmp_path / "latin.json").write_bytes(b'{"title": "caf\xe9"}')
    (tmp_path / "list.json").write_text("[1]")
    for source, word in (
        (str(tmp_path / "none.json"), "neither JSON text nor a file"),
        (tmp_path / "bad.json", "not readable JSON"),
        (tmp_path / "latin.json", "not UTF-8"),
        (tmp_path / "list.json", "holds a list"),
        ("{" * 100_000, "not readable JSON"),
        (object(), "neither a schema nor a type"),
    ):
        with pytest.raises(ValueError, match=word):
            read_schema(source)
    monkeypatch.setattr(schema_source, "MAX_BYTES", 10)
    with pytest.raises(ValueError, match="limit is 10"):
        read_schema(json.dumps(SCHEMA))
    with pytest.raises(ValueError, match="limit is 10"):
        read_schema(tmp_path / "latin.json")


class Colour(Enum):
    RED, BLUE = "red", 2


class Spot(typing.TypedDict, total=False):
    x: typing.Required[int]
    near: list[Spot]


class Strange(BaseModel, arbitrary_types_allowed=True):
    what: socket


def test_other_python_types_and_their_readers():
    schema, read = read_schema(TypeAdapter(list[int]))
    assert (schema, read("[1]")) == ({"type": "array", "items": {"type": "integer"}}, [1])
    schema, read = read_schema(Colour)
    assert (schema["enum"], read("2")) == (["red", 2], Colour.BLUE)
    schema, read = read_schema(typing.Literal["a", 1])
    assert (schema, read('"a"')) == ({"enum": ["a", 1]}, "a")
    schema, read = read_schema(Spot)
    assert read('{"x": 1, "near": [{"x": 2}]}') == {"x": 1, "near": [{"x": 2}]}
    assert JsonSchema(schema).accepts('{"x": 1, "near": [{"x": 2}]}')
    assert not JsonSchema(schema).accepts('{"near": []}')
    assert read_schema(list[Spot | None])[1]('[{"x": 1}, null]') == [{"x": 1}, None]


def test_a_type_without_a_schema_is_refused_with_the_reason():
    for kind in (Strange, list[socket], object(), TypeAdapter(Strange)):
        with pytest.raises(UserError, match="neither a schema nor a type with one"):
            read_schema(kind)


def test_structs_of_msgspec():
    msgspec = pytest.importorskip("msgspec")
    kind = msgspec.defstruct("Point", [("x", int)])
    schema, read = read_schema(kind)
    assert read('{"x": 1}') == kind(1)
    assert not JsonSchema(schema).accepts('{"x": 1, "y": 2}')


def test_compiled_patterns_are_rules():
    assert make_rule(regex=re.compile("a.b", re.IGNORECASE | re.DOTALL)).constraint == Regex("(?is:a.b)")
    assert make_rule(schema=re.compile("a+")).constraint == Regex("a+")
    for pattern in (re.compile(b"a"), re.compile("a", re.ASCII)):
        with pytest.raises(UserError, match="is of bytes, or has a flag"):
            make_rule(regex=pattern)
