"""JSON text that is still being generated: its partial value, and what the parser checks."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foretell.rules.schemas.json_parser import JsonParser
from foretell.rules.schemas.partial_value import partial_value

texts = st.text(st.sampled_from('aé😀"\\/\n\x7f'), max_size=5)
scalars = st.none() | st.booleans() | st.integers(-999, 999) | st.integers(-99, 99).map(lambda eighths: eighths / 8) | texts
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=8)


def is_beginning(part, whole) -> bool:
    """Whether `part` may be what a text of `whole` says so far."""
    if isinstance(part, str) and isinstance(whole, str):
        return whole.startswith(part)
    if isinstance(part, list) and isinstance(whole, list):
        return len(part) <= len(whole) and part[:-1] == whole[: max(len(part) - 1, 0)] and all(map(is_beginning, part, whole))
    if isinstance(part, dict) and isinstance(whole, dict):
        names = list(whole)[: len(part)]
        return list(part) == names and all(is_beginning(part[name], whole[name]) for name in names)
    if isinstance(part, float | int) and isinstance(whole, float | int):
        written = json.dumps(part).removesuffix(".0")  # "-0" is read as 0
        return json.dumps(whole).removeprefix("-" if part == 0 else "").startswith(written)
    return part is whole


@settings(max_examples=60, deadline=None, derandomize=True)
@given(values, st.booleans(), st.sampled_from([None, 1]))
def test_every_beginning_has_a_partial_value(value, escaped, indent):
    text = json.dumps(value, ensure_ascii=escaped, indent=indent)
    data = text.encode()
    assert partial_value(data) == partial_value(text) == value
    nothing = object()
    lengths = []
    for end in range(len(data) + 1):
        part = partial_value(data[:end], nothing)
        assert part is nothing or is_beginning(part, value), (data[:end], part)
        lengths.append(-1 if part is nothing else len(json.dumps(part)))
    assert lengths == sorted(lengths) or not isinstance(value, list | dict | str)


@dataclass
class Recorder:
    """Checks that record what they are asked."""

    path: tuple = ()
    seen: list = field(default_factory=list)
    has_checks = True
    limits_numbers = False
    limits_strings = False

    def child(self, key):
        return Recorder((*self.path, key), self.seen)

    def allows_key(self, key, names):
        self.seen.append(("name", self.path, key))
        return True

    def allows_value(self, text):
        self.seen.append(("complete", self.path, json.loads(text)))
        return True

    def allows_items(self, text):
        self.seen.append(("grown", self.path, json.loads(text + b"]")))
        return True

    def allows_another_member(self, count):
        self.seen.append(("more", self.path, count))
        return True


def inside(value, path=()):
    """(path, value) of all that is complete before `value` is, in the order of the text."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield from inside(child, (*path, key))
    yield path, value


@settings(max_examples=60, deadline=None, derandomize=True)
@given(values.map(lambda value: [value]), st.data())
def test_the_parser_checks_what_is_complete_however_the_text_is_cut(value, data):
    text = json.dumps(value, ensure_ascii=False).encode()
    cuts = sorted({0, len(text), *data.draw(st.lists(st.integers(0, len(text)), max_size=8))})
    recorders = [Recorder(), Recorder()]
    parsers = [JsonParser(recorder) for recorder in recorders]
    for a, b in itertools.pairwise(cuts):
        parsers[0] = parsers[0].feed(text[a:b])
    for i in range(len(text)):
        parsers[1] = parsers[1].feed(text[i : i + 1])
    assert recorders[0].seen == recorders[1].seen
    assert parsers[0].mode == parsers[1].mode
    assert [(path, each) for kind, path, each in recorders[0].seen if kind == "complete"] == list(inside(value))


def test_a_parser_is_immutable():
    before = JsonParser(Recorder()).feed(b'{"a": [1')
    copy = tuple(before)
    before.feed(b", 2]}")
    assert tuple(before) == copy
    assert before.feed(b"2]").text == b'{"a": [12]'


@pytest.mark.parametrize("text", ["]", "{]", "[}", "[1, ]", '{"a": 1, }', '{"a": }', '{"a" 1', "[1 2", "x", '{"a": ]', "1 2"])
def test_what_is_no_json_is_noticed(text):
    with pytest.raises(ValueError, match="JSON"):
        partial_value(text)


def test_nesting_beyond_python_is_an_error_of_ours():
    with pytest.raises(ValueError, match="too deep"):
        partial_value("[" * 20_000)
