"""Bounds on generated JSON values, beside what a schema says: lengths of numbers and strings, numbers of items and members.

Bounds restrict what is generated and not which texts are valid. They apply only where the value may end by the schema, so they never
contradict it: a string that must have 500 characters is generated whatever its bound.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

import numpy as np

from foretell import arguments
from foretell.decoding.constraint import ConstraintState
from foretell.decoding.token_set import TokenSet
from foretell.errors import UserError
from foretell.models.vocabulary import Vocabulary
from foretell.parts import UnknownNameError, nearest
from foretell.rules.schemas.json_parser import AFTER, ESCAPE, KEY, NUMBER, STRING, VALUE, JsonParser, NoChecks, OpenContainer

_CONTENT = re.compile(rb'(?:[^"\\]|\\.)*\\?', re.DOTALL)
_NUMBER = re.compile(rb"[-+.eE0-9]*")
_OPENED = re.compile(rb'[^"]*"((?:[^"\\]|\\.)*\\?)', re.DOTALL)

#: No token writes more characters than this.
_LONGEST = 256


@dataclass(frozen=True)
class ValueBounds:
    """The largest values that are generated where the schema leaves them open; None: any.

    max_digits: characters of a number. max_string: characters of a string or a name, as written between the quotes. max_items: of an
    array. max_properties: of an object.

    >>> ValueBounds.read({"max_items": 3}).max_items
    3
    """

    max_digits: int | None = 10
    max_string: int | None = 120
    max_items: int | None = 5
    max_properties: int | None = 10

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None:
                object.__setattr__(self, field.name, arguments.whole(f"bounds: {field.name}", value, least=1))

    @classmethod
    def read(cls, value: Any) -> ValueBounds | None:
        """The bounds that an option gives: `True` is the defaults, `False` and None are no bounds, a dict or the pairs of one have some
        of the fields, and the others are open. UserError for anything else."""
        if value is None or value is False:
            return None
        if value is True:
            return cls()
        if isinstance(value, tuple) and all(isinstance(pair, tuple) and len(pair) == 2 for pair in value):
            value = dict(value)
        if isinstance(value, Mapping):
            names = [field.name for field in fields(cls)]
            for name in value:
                if name not in names:
                    raise UnknownNameError(f"bounds has no field {name!r}: {nearest(str(name), names)}")
            return cls(**{**dict.fromkeys(names), **value})
        if not isinstance(value, cls):
            raise UserError(f"bounds={arguments.shown(value)} is no bound; pass True, or a dict such as {{'max_string': 120}}")
        return value

    @property
    def pairs(self) -> tuple[tuple[str, int], ...]:
        """The fields that are bounds, with their values."""
        return tuple((field.name, getattr(self, field.name)) for field in fields(self) if getattr(self, field.name) is not None)

    def max_members(self, container: OpenContainer) -> float:
        """The most members of an open array or object."""
        limit = self.max_properties if container.is_object else self.max_items
        return float("inf") if limit is None else limit


class _Lengths:
    """How much each token of a vocabulary writes; made once for a vocabulary."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        tokens = [data or b"" for data in vocabulary.tokens]
        self.nothing = TokenSet.of((), vocabulary.size)
        #: Characters of a string that each token adds to an open one, also after a backslash, and begins one with; those of a number.
        self.content = np.array([_characters(_CONTENT.match(data)) for data in tokens])
        self.escaped = np.array([_characters(_CONTENT.match(b"\\" + data)) - 1 for data in tokens])
        self.opened = np.array([_characters(_OPENED.match(data), 1) for data in tokens])
        self.number = np.array([_digits(data) for data in tokens])
        self.with_comma = TokenSet.of([token for token, data in enumerate(tokens) if b"," in data], vocabulary.size)
        self.byte = {data: token for token, data in reversed(list(enumerate(tokens))) if len(data) == 1}

    def more_than(self, lengths: np.ndarray, limit: int) -> TokenSet:
        """The tokens that write more than `limit` characters."""
        return TokenSet.where(lengths > max(limit, 0))


def _num_characters(text: bytes) -> int:
    return sum(byte & 0xC0 != 0x80 for byte in text)


def _characters(match: re.Match[bytes] | None, group: int = 0) -> int:
    """The characters of a piece of a string, with the one that a backslash at its end requires."""
    text = b"" if match is None else match.group(group)
    return _num_characters(text) + (re.search(rb"(?<!\\)(?:\\\\)*\\$", text) is not None)


def _digits(data: bytes) -> int:
    """The characters of a piece of a number, with the digit that a sign, point or exponent at its end requires."""
    text = _NUMBER.match(data).group()  # type: ignore[union-attr]
    return len(text) + (text[-1:] in (b"-", b"+", b".", b"e", b"E"))


def exceeding(bounds: ValueBounds, parser: JsonParser, engine: ConstraintState) -> TokenSet:
    """The tokens that would exceed the bounds. engine: the state of the schema alone, which says where a value may end."""
    vocabulary = engine.vocabulary
    lengths = vocabulary.derive(_Lengths)
    mode, over = parser.mode, lengths.nothing
    may_end = partial(_may_end, parser, engine, lengths)
    if mode in (STRING, ESCAPE) and bounds.max_string is not None:
        left = bounds.max_string - _num_characters(parser.current[1:])
        if left < _LONGEST and (left > 0 or mode == ESCAPE or may_end(b'"')):
            over |= lengths.more_than(lengths.content if mode == STRING else lengths.escaped, left)
    elif mode in (VALUE, KEY, AFTER) and bounds.max_string is not None:
        over |= lengths.more_than(lengths.opened, bounds.max_string)
    if mode == VALUE and bounds.max_digits is not None:
        over |= lengths.more_than(lengths.number, bounds.max_digits)
    if mode == NUMBER and bounds.max_digits is not None:
        left = bounds.max_digits - len(parser.current)
        if left < _LONGEST and (left > 0 or may_end(b"]", b"}", b",")):
            over |= lengths.more_than(lengths.number, left)
    full = _full_containers(parser, bounds)
    if full:
        over |= _adding_members(full, parser, engine, lengths)
    return over


def _may_end(parser: JsonParser, engine: ConstraintState, lengths: _Lengths, *closing: bytes) -> bool:
    """Whether one of these bytes may come next, or the text may end."""
    return any(byte in lengths.byte and engine.accepts(lengths.byte[byte]) for byte in closing) or (
        parser.container is None and engine.accepting
    )


def _full_containers(parser: JsonParser, bounds: ValueBounds) -> list[OpenContainer]:
    """The open containers whose current member is the last that the bounds allow, the innermost first."""
    full, container = [], parser.container
    while container is not None:
        if container.num_before + 1 >= bounds.max_members(container):
            full.append(container)
        container = container.outer
    return full


def _adding_members(full: list[OpenContainer], parser: JsonParser, engine: ConstraintState, lengths: _Lengths) -> TokenSet:
    """The tokens that begin another member of one of these containers, where that may close instead."""
    limits = {container.start: container.num_before for container in full}
    innermost = parser.container
    must_go_on = innermost is not None and not _may_end(parser, engine, lengths, b"}" if innermost.is_object else b"]")
    unchecked = parser._replace(checks=NoChecks())
    over = []
    for token in (engine.allowed() & lengths.with_comma).ids.tolist():
        data = engine.vocabulary.tokens[token] or b""
        if must_go_on and parser.mode in (AFTER, NUMBER) and data.lstrip()[:1] == b",":
            continue
        try:
            container = unchecked.feed(data)
        except ValueError:  # not JSON text, which the engine will not allow
            continue
        at = None if container is None else container.container
        while at is not None:
            if at.start in limits and at.num_before > limits[at.start]:
                over.append(token)
                break
            at = at.outer
    return TokenSet.of(over, engine.vocabulary.size)
