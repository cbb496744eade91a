"""The place at which a JSON text was cut."""

from __future__ import annotations

import re

from foretell.rules.schemas.json_parser import AFTER, ESCAPE, KEY, STRING, JsonParser, NoChecks, loads
from foretell.rules.schemas.subschemas import pointer

_KEY = re.compile(rb'[ \t\r\n,]*("(?:[^"\\]|\\.)*")')


def cut_place(text: str) -> str:
    """The JSON pointer of the value that is being written at the end of a prefix of a JSON text.

    >>> cut_place('{"name": "Ada", "likes": [{"a": 1}, {"b'), cut_place('{"name": "Ada", "likes": ["te'), cut_place("12")
    ('#/likes/1', '#/likes/0', '#')
    """
    parser = JsonParser(NoChecks()).feed(text.encode("utf-8", "surrogatepass"))
    assert parser is not None  # without checks, none fails
    names: list[str | int] = []
    in_key = parser.mode == KEY or (parser.mode in (STRING, ESCAPE) and parser.is_key)
    container, is_innermost = parser.container, True
    while container is not None:
        between = is_innermost and (parser.mode == AFTER or in_key)
        match = _KEY.match(parser.text, container.member_start) if container.is_object else None
        if not between and not container.is_object:
            names.insert(0, container.num_before)
        elif not between and match:
            names.insert(0, loads(match[1]))
        container, is_innermost = container.outer, False
    return pointer(tuple(names))
