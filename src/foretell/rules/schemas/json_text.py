"""JSON text that is still being written: where in it one stands, and the value of what there is so far."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple, Protocol

#: What comes next: a value; a key, or the end of the object; a colon; a comma or closing bracket; more of a string, or the letter of
#: an escape in one; more of a number, or of a literal (true, false, null).
VALUE, KEY, COLON, AFTER, STRING, ESCAPE, NUMBER, LITERAL = range(8)
_PLAIN = re.compile(rb'[^"\\]*')
_MORE = {NUMBER: re.compile(rb"[-+.eE0-9]*"), LITERAL: re.compile(rb"[a-z]*")}
_SPACE = re.compile(rb"[ \t\r\n]*")


class Place(Protocol):
    """What is asked of the value at one place of a text; the reader asks as soon as there is something to ask about."""

    #: Whether anything is asked here, of the value or of what is in it.
    @property
    def asks(self) -> bool: ...

    def child(self, key: str | int) -> Place:
        """The place of a member or item."""

    def name(self, key: str) -> bool:
        """Whether an object here may have this key."""

    def complete(self, text: bytes) -> bool:
        """Whether the value written so may stand here."""

    def grown(self, text: bytes) -> bool:
        """Whether an array here may begin with these items; `text` lacks the closing bracket."""

    def more(self, count: int) -> bool:
        """Whether an object here that has so many members may have another."""


class Nowhere:
    """The place that asks nothing."""

    asks = False

    def child(self, key: str | int) -> Nowhere:
        return self

    def name(self, key: str) -> bool:
        return True

    def complete(self, text: bytes) -> bool:
        return True

    def grown(self, text: bytes) -> bool:
        return True

    def more(self, count: int) -> bool:
        return True


class Frame(NamedTuple):
    """An array or object that is not closed yet. start: where its bracket is in the text. begun: where its latest member begins, the
    comma included. members: those begun before that one."""

    outer: Frame | None
    is_object: bool
    place: Place
    start: int
    begun: int
    members: int = 0

    def closes(self, bracket: bytes, mode: int) -> bool:
        """Whether the bracket may come here: behind a value, or at once."""
        return self.is_object == (bracket == b"}") and (
            mode == AFTER or (mode == (KEY if self.is_object else VALUE) and self.begun == self.start + 1)
        )


class Reader(NamedTuple):
    """Where a JSON text stands. Never changes: `feed` gives another.

    place: that of the value that is being written or comes next. start: where it begins, or the key that is being written.
    """

    place: Place
    text: bytes = b""
    mode: int = VALUE
    frame: Frame | None = None
    start: int = 0
    is_key: bool = False

    def feed(self, data: bytes) -> Reader | None:
        """The reader after more bytes of JSON text; None where a place objects to what they complete. ValueError for no JSON text,
        where it is noticed: what engines guarantee is not checked again."""
        place, before, mode, frame, start, is_key = self
        text, at = before + data, len(before)
        end = len(text)
        while at < end:
            if mode == STRING:
                at = _PLAIN.match(text, at).end() + 1  # type: ignore[union-attr]
                if at > end:
                    break
                mode = ESCAPE if text[at - 1] == 0x5C else AFTER
                if mode == ESCAPE:
                    continue
                if is_key:
                    assert frame is not None
                    key = _loads(text[start:at])
                    if not frame.place.name(key):
                        return None
                    place, mode = frame.place.child(key), COLON
                    continue
            elif mode == ESCAPE:
                at, mode = at + 1, STRING
                continue
            elif mode in _MORE:
                at = _MORE[mode].match(text, at).end()  # type: ignore[union-attr]
                if at == end and (mode == NUMBER or text[start:] not in (b"true", b"false", b"null")):
                    break  # a number may always go on
                mode = AFTER
            else:
                at = _SPACE.match(text, at).end() + 1  # type: ignore[union-attr]
                if at > end:
                    break
                byte = text[at - 1 : at]
                if byte in b"]}" and frame is not None and frame.closes(byte, mode):
                    place, start, frame, mode = frame.place, frame.start, frame.outer, AFTER
                elif mode == AFTER and byte == b"," and frame is not None:
                    count = frame.members + 1
                    if frame.is_object and not frame.place.more(count):
                        return None
                    frame = Frame(frame.outer, frame.is_object, frame.place, frame.start, at - 1, count)
                    mode, place = (KEY, frame.place) if frame.is_object else (VALUE, frame.place.child(count))
                    continue
                elif mode == COLON and byte == b":":
                    mode = VALUE
                    continue
                elif byte == b'"' and mode in (VALUE, KEY):
                    start, mode, is_key = at - 1, STRING, mode == KEY
                    continue
                elif mode == VALUE and byte in b"{[":
                    frame = Frame(frame, byte == b"{", place, at - 1, at)
                    mode, place = (KEY, place) if byte == b"{" else (VALUE, place.child(0))
                    continue
                elif mode == VALUE and byte in b"-0123456789tfn":
                    start, mode = at - 1, LITERAL if byte in b"tfn" else NUMBER
                    at -= 1
                    continue
                else:
                    raise ValueError(f"no JSON text: {text[:at][-80:]!r}")
            # A value is complete: text[start:at], at `place`.
            if place.asks and not place.complete(text[start:at]):
                return None
            if frame is not None and not frame.is_object and frame.place.asks and not frame.place.grown(text[frame.start : at]):
                return None
        return Reader(place, text, mode, frame, start, is_key)


_STRING = re.compile(r'"(?:[^"\\]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*')
_HALF_PAIR = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}$")
_WHOLE_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")


def partial_value(text: str | bytes, default: Any = None) -> Any:
    """The value of the beginning of a JSON text: open strings, arrays and objects end where the text does; members and items of which
    there is no value yet are left out; `default` where there is none at all. ValueError where the text is not the beginning of JSON.

    >>> partial_value('{"name": "Ann", "likes": ["tea", "cof')
    {'name': 'Ann', 'likes': ['tea', 'cof']}
    >>> partial_value('{"name": "Ann", "age": -')
    {'name': 'Ann'}
    """
    data = (text.decode("utf-8", "ignore") if isinstance(text, bytes) else text).encode("utf-8", "surrogatepass")
    reader = Reader(Nowhere()).feed(data)
    assert reader is not None  # nowhere nothing is asked
    whole = _whole(reader)
    frame, closing = reader.frame, ""
    while frame is not None:
        if whole is None:
            whole = reader.text[: frame.begun].decode("utf-8", "surrogatepass")
        closing += "}" if frame.is_object else "]"
        frame = frame.outer
    return default if whole is None else _loads(whole + closing)


def _whole(reader: Reader) -> str | None:
    """The text up to the end of its last value, made whole; None where that has no value yet."""
    before, last = (part.decode("utf-8", "surrogatepass") for part in (reader.text[: reader.start], reader.text[reader.start :]))
    if reader.mode == AFTER:
        return before + last
    if reader.mode in (STRING, ESCAPE) and not reader.is_key:
        match = _STRING.match(last)
        assert match is not None
        return before + _HALF_PAIR.sub("", match.group()) + '"'
    if reader.mode == NUMBER and (match := _WHOLE_NUMBER.match(last)):
        return before + match.group()
    return None


def _loads(text: str | bytes) -> Any:
    """The value of a JSON text. ValueError where it has none, or where it is nested deeper than Python follows."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("JSON text is nested too deep") from None
