"""The value of JSON text that is still being generated."""

from __future__ import annotations

import re
from typing import Any

from foretell.rules.schemas.json_parser import AFTER, ESCAPE, NUMBER, STRING, JsonParser, NoChecks, loads

_STRING = re.compile(r'"(?:[^"\\]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*')
_HIGH_SURROGATE = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}$")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")


def partial_value(text: str | bytes, default: Any = None) -> Any:
    """The value of a prefix of a JSON text; `default` if there is none yet.

    Open strings, arrays and objects are closed at the end of the text. Members and items without a value are left out. UserError if the
    text is not a prefix of JSON.

    >>> partial_value('{"name": "Ann", "likes": ["tea", "cof')
    {'name': 'Ann', 'likes': ['tea', 'cof']}
    >>> partial_value('{"name": "Ann", "age": -')
    {'name': 'Ann'}
    """
    data = (text.decode("utf-8", "ignore") if isinstance(text, bytes) else text).encode("utf-8", "surrogatepass")
    parser = JsonParser(NoChecks()).feed(data)
    assert parser is not None  # without checks, none fails
    text_so_far = parser.text
    completed = _with_last_value(parser)
    container, closing = parser.container, ""
    while container is not None:
        if completed is None:
            completed = text_so_far[: container.member_start].decode("utf-8", "surrogatepass")
        closing += "}" if container.is_object else "]"
        container = container.outer
    return default if completed is None else loads(completed + closing)


def _with_last_value(parser: JsonParser) -> str | None:
    """The text with its last value completed; None if that has no value yet."""
    before, last = (part.decode("utf-8", "surrogatepass") for part in (parser.text[: parser.start], parser.current))
    if parser.mode == AFTER:
        return before + last
    if parser.mode in (STRING, ESCAPE) and not parser.is_key:
        match = _STRING.match(last)
        assert match is not None
        return before + _HIGH_SURROGATE.sub("", match.group()) + '"'
    if parser.mode == NUMBER and (match := _NUMBER.match(last)):
        return before + match.group()
    return None
