"""An incremental parser of JSON text that is still being generated."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple, Protocol

from foretell.rules.schemas.open_numbers import overflows

#: What comes next: a value; a key, or the end of the object; a colon; a comma or closing bracket; more of a string, or the letter of
#: an escape in one; more of a number, or of a literal (true, false, null).
VALUE, KEY, COLON, AFTER, STRING, ESCAPE, NUMBER, LITERAL = range(8)
_PLAIN = re.compile(rb'[^"\\]*')
_MORE = {NUMBER: re.compile(rb"[-+.eE0-9]*"), LITERAL: re.compile(rb"[a-z]*")}
_SPACE = re.compile(rb"[ \t\r\n]*")


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

    def allows_key(self, key: str) -> bool:
        """Whether an object here may have this key."""

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

    def allows_key(self, key: str) -> bool:
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


class OpenContainer(NamedTuple):
    """An array or object that is not closed yet. outer: the one around it. start: the offset of its bracket. member_start: the offset at
    which its last member begins, with the comma before it. num_before: the number of members before that one."""

    outer: OpenContainer | None
    is_object: bool
    checks: ValueChecks
    start: int
    member_start: int
    num_before: int = 0

    def may_close(self, bracket: bytes, mode: int) -> bool:
        """Whether this bracket may come in this mode: after a member, or at once."""
        return self.is_object == (bracket == b"}") and (
            mode == AFTER or (mode == (KEY if self.is_object else VALUE) and self.member_start == self.start + 1)
        )


class JsonParser(NamedTuple):
    """The state of the parser. Immutable: `feed` returns another one.

    checks: those of the current value, or the next one. text: all text so far. mode: what comes next (`VALUE`, ...). container: the
    innermost open array or object. start: the offset of the current value or key. is_key: whether the current string is a key.
    """

    checks: ValueChecks
    text: bytes = b""
    mode: int = VALUE
    container: OpenContainer | None = None
    start: int = 0
    is_key: bool = False

    def feed(self, data: bytes) -> JsonParser | None:
        """The parser after more bytes of JSON text; None if a check fails for what they complete.

        ValueError for text that is not JSON, as far as it is noticed: what engines guarantee is not tested again.
        """
        checks, before, mode, container, start, is_key = self
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
                    assert container is not None
                    key = loads(text[start:at])
                    if not container.checks.allows_key(key):
                        return None
                    checks, mode = container.checks.child(key), COLON
                    continue
            elif mode == ESCAPE:
                at, mode = at + 1, STRING
                continue
            elif mode in _MORE:
                at = _MORE[mode].match(text, at).end()  # type: ignore[union-attr]
                if mode == NUMBER and (overflows(text[start:at]) or (checks.limits_numbers and not checks.allows_number(text[start:at]))):
                    return None
                if at == end and (mode == NUMBER or text[start:] not in (b"true", b"false", b"null")):
                    break  # a number may always continue
                mode = AFTER
            else:
                at = _SPACE.match(text, at).end() + 1  # type: ignore[union-attr]
                if at > end:
                    break
                byte = text[at - 1 : at]
                if byte in b"]}" and container is not None and container.may_close(byte, mode):
                    checks, start, container, mode = container.checks, container.start, container.outer, AFTER
                elif mode == AFTER and byte == b"," and container is not None:
                    num = container.num_before + 1
                    if container.is_object and not container.checks.allows_another_member(num):
                        return None
                    container = OpenContainer(container.outer, container.is_object, container.checks, container.start, at - 1, num)
                    mode, checks = (KEY, container.checks) if container.is_object else (VALUE, container.checks.child(num))
                    continue
                elif mode == COLON and byte == b":":
                    mode = VALUE
                    continue
                elif byte == b'"' and mode in (VALUE, KEY):
                    start, mode, is_key = at - 1, STRING, mode == KEY
                    continue
                elif mode == VALUE and byte in b"{[":
                    container = OpenContainer(container, byte == b"{", checks, at - 1, at)
                    mode, checks = (KEY, checks) if byte == b"{" else (VALUE, checks.child(0))
                    continue
                elif mode == VALUE and byte in b"-0123456789tfn":
                    start, mode = at - 1, LITERAL if byte in b"tfn" else NUMBER
                    at -= 1
                    continue
                else:
                    raise ValueError(f"not JSON text: {text[:at][-80:]!r}")
            # A value is complete: text[start:at].
            if checks.has_checks and not checks.allows_value(text[start:at]):
                return None
            array = None if container is None or container.is_object else container
            if array is not None and array.checks.has_checks and not array.checks.allows_items(text[array.start : at]):
                return None
        if mode == STRING and not is_key and checks.limits_strings and not checks.allows_open_string(text[start:]):
            return None
        return JsonParser(checks, text, mode, container, start, is_key)


def loads(text: str | bytes) -> Any:
    """The value of a JSON text. ValueError if it has none, or is nested deeper than Python can follow."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("JSON text is nested too deeply") from None
