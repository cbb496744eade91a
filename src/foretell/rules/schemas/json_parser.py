"""An incremental parser of JSON text that is still being generated."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

from foretell.rules.schemas.open_numbers import overflows

#: What comes next: a value; a key, or the end of the object; a colon; a comma or closing bracket; more of a string, or the letter of
#: an escape in one; more of a number, or of a literal (true, false, null).
VALUE, KEY, COLON, AFTER, STRING, ESCAPE, NUMBER, LITERAL = range(8)
_PLAIN = re.compile(rb'[^"\\]*')
_MORE = {NUMBER: re.compile(rb"[-+.eE0-9]*"), LITERAL: re.compile(rb"[a-z]*")}
_SPACE = re.compile(rb"[ \t\r\n]*")


class Names(NamedTuple):
    """The names of an object's members, the last first: shared by all texts that begin with the same members."""

    last: str
    before: Names | None

    @staticmethod
    def listed(names: Names | None) -> Iterator[str]:
        """The names, the last first."""
        while names is not None:
            yield names.last
            names = names.before


class ValueChecks(Protocol):
    """The checks of the value at one location of a text. The parser calls each as soon as its argument is complete."""

    #: Whether the value, or anything within it, is checked.
    has_checks: bool
    #: Whether numbers are checked while they grow.
    limits_numbers: bool
    #: Whether strings are.
    limits_strings: bool

    def child(self, key: str | int) -> ValueChecks:
        """The checks of a member (by key) or item (by index)."""

    def allows_key(self, key: str, names: Names | None) -> bool:
        """Whether an object here that has members of these names may have this key next."""

    def allows_value(self, text: bytes) -> bool:
        """Whether the value with this JSON text may stand here."""

    def allows_number(self, text: bytes) -> bool:
        """Whether a number here may begin with this text, or be it."""

    def allows_open_string(self, text: bytes) -> bool:
        """Whether a string here may begin with this text, a quote and what follows it."""

    def allows_items(self, text: bytes) -> bool:
        """Whether an array here may begin with these items; `text` lacks the closing bracket."""

    def allows_another_member(self, num_members: int) -> bool:
        """Whether an object here that has so many members may have another."""


class NoChecks(ValueChecks):
    """No checks below here."""

    has_checks = False
    limits_numbers = False
    limits_strings = False

    def child(self, key: str | int) -> NoChecks:
        return self

    def allows_key(self, key: str, names: Names | None) -> bool:
        return True

    def allows_value(self, text: bytes) -> bool:
        return True

    def allows_number(self, text: bytes) -> bool:
        return True

    def allows_open_string(self, text: bytes) -> bool:
        return True

    def allows_items(self, text: bytes) -> bool:
        return True

    def allows_another_member(self, num_members: int) -> bool:
        return True


class UniqueNames(NoChecks):
    """No check but this: no object has two members of one name."""

    def allows_key(self, key: str, names: Names | None) -> bool:
        return key not in Names.listed(names)


class SharedText(NamedTuple):
    """A text as its last piece and the text before it, so that the states of a long text share all but their last pieces.

    before: the text before the piece. start: the offset at which the piece begins.
    """

    before: SharedText | None
    start: int
    data: bytes

    @property
    def end(self) -> int:
        """The length of the whole text."""
        return self.start + len(self.data)

    def since(self, offset: int) -> bytes:
        """The text from an offset on."""
        pieces = [self.data]
        piece = self
        while piece.start > offset and piece.before is not None:
            piece = piece.before
            pieces.append(piece.data)
        return b"".join(reversed(pieces))[offset - piece.start :]


class OpenContainer(NamedTuple):
    """An array or object that is not closed yet. outer: the one around it. start: the offset of its bracket. member_start: the offset at
    which its last member begins, with the comma before it. num_before: the number of members before that one. names: those of its
    members."""

    outer: OpenContainer | None
    is_object: bool
    checks: ValueChecks
    start: int
    member_start: int
    num_before: int = 0
    names: Names | None = None

    def may_close(self, bracket: bytes, mode: int) -> bool:
        """Whether this bracket may come in this mode: after a member, or at once."""
        return self.is_object == (bracket == b"}") and (
            mode == AFTER or (mode == (KEY if self.is_object else VALUE) and self.member_start == self.start + 1)
        )


class JsonParser(NamedTuple):
    """The state of the parser. Immutable: `feed` returns another one.

    checks: those of the current value, or the next one. history: all text so far. mode: what comes next (`VALUE`, ...). container: the
    innermost open array or object. start: the offset of the current value or key. is_key: whether the current string is a key.
    """

    checks: ValueChecks
    history: SharedText = SharedText(None, 0, b"")
    mode: int = VALUE
    container: OpenContainer | None = None
    start: int = 0
    is_key: bool = False

    @property
    def text(self) -> bytes:
        """All text so far."""
        return self.history.since(0)

    @property
    def current(self) -> bytes:
        """The text of the current value or key so far."""
        return self.history.since(self.start)

    def feed(self, data: bytes) -> JsonParser | None:
        """The parser after more bytes of JSON text; None if a check fails for what they complete.

        ValueError for text that is not JSON, as far as it is noticed: what engines guarantee is not tested again.
        """
        checks, history, mode, container, start, is_key = self
        base = history.end
        history = SharedText(history, base, data)
        at, end = 0, len(data)  # offsets in `data`; those in the whole text are larger by `base`
        while at < end:
            if mode == STRING:
                at = _PLAIN.match(data, at).end() + 1  # type: ignore[union-attr]
                if at > end:
                    break
                mode = ESCAPE if data[at - 1] == 0x5C else AFTER
                if mode == ESCAPE:
                    continue
                if is_key:
                    assert container is not None
                    key = loads(_between(history, start, base + at))
                    if not container.checks.allows_key(key, container.names):
                        return None
                    container = container._replace(names=Names(key, container.names))
                    checks, mode = container.checks.child(key), COLON
                    continue
            elif mode == ESCAPE:
                at, mode = at + 1, STRING
                continue
            elif mode in _MORE:
                at = _MORE[mode].match(data, at).end()  # type: ignore[union-attr]
                if mode == NUMBER:
                    number = _between(history, start, base + at)
                    if overflows(number) or (checks.limits_numbers and not checks.allows_number(number)):
                        return None
                if at == end and (mode == NUMBER or _between(history, start, base + at) not in (b"true", b"false", b"null")):
                    break  # a number may always continue
                mode = AFTER
            else:
                at = _SPACE.match(data, at).end() + 1  # type: ignore[union-attr]
                if at > end:
                    break
                byte = data[at - 1 : at]
                if byte in b"]}" and container is not None and container.may_close(byte, mode):
                    checks, start, container, mode = container.checks, container.start, container.outer, AFTER
                elif mode == AFTER and byte == b"," and container is not None:
                    num = container.num_before + 1
                    if container.is_object and not container.checks.allows_another_member(num):
                        return None
                    container = container._replace(member_start=base + at - 1, num_before=num)
                    mode, checks = (KEY, container.checks) if container.is_object else (VALUE, container.checks.child(num))
                    continue
                elif mode == COLON and byte == b":":
                    mode = VALUE
                    continue
                elif byte == b'"' and mode in (VALUE, KEY):
                    start, mode, is_key = base + at - 1, STRING, mode == KEY
                    continue
                elif mode == VALUE and byte in b"{[":
                    container = OpenContainer(container, byte == b"{", checks, base + at - 1, base + at)
                    mode, checks = (KEY, checks) if byte == b"{" else (VALUE, checks.child(0))
                    continue
                elif mode == VALUE and byte in b"-0123456789tfn":
                    start, mode = base + at - 1, LITERAL if byte in b"tfn" else NUMBER
                    at -= 1
                    continue
                else:
                    raise ValueError(f"not JSON text: {_between(history, max(0, base + at - 80), base + at)!r}")
            # A value is complete.
            if checks.has_checks and not checks.allows_value(_between(history, start, base + at)):
                return None
            array = None if container is None or container.is_object else container
            if array is not None and array.checks.has_checks and not array.checks.allows_items(_between(history, array.start, base + at)):
                return None
        if mode == STRING and not is_key and checks.limits_strings and not checks.allows_open_string(history.since(start)):
            return None
        return JsonParser(checks, history, mode, container, start, is_key)


def _between(history: SharedText, start: int, end: int) -> bytes:
    return history.since(start)[: end - start]


def loads(text: str | bytes) -> Any:
    """The value of a JSON text. ValueError if it has none, or is nested deeper than Python can follow."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("JSON text is nested too deeply") from None
