"""The characters of a pattern: escapes and classes in brackets."""

from __future__ import annotations

import re

from foretell.errors import UserError
from foretell.rules.patterns.char_set import DIGIT, SPACE, WORD, CharSet, char_set, complement, folded, matching

_CLASSES = {"d": DIGIT, "D": complement(DIGIT), "w": WORD, "W": complement(WORD), "s": SPACE, "S": complement(SPACE)}
_CONTROLS = {"t": 9, "n": 10, "v": 11, "f": 12, "r": 13}
_CODE = re.compile(
    r"x(?P<x>[0-9a-fA-F]{2})|u\{(?P<long>[0-9a-fA-F]+)\}|u(?P<high>[dD][89abAB][0-9a-fA-F]{2})\\u(?P<low>[dD][c-fC-F][0-9a-fA-F]{2})"
    r"|u(?P<u>[0-9a-fA-F]{4})|c(?P<c>[A-Za-z])|(?P<null>0)(?![0-9])"
)


class PatternError(UserError):
    """A pattern that cannot be read, is beyond support, or takes too long to search."""


class CharReader:
    """Reads a pattern from left to right. at: the index of the next character. ignores_case: whether letters stand for both cases."""

    def __init__(self, pattern: str) -> None:
        self.pattern, self.at, self.ignores_case = pattern, 0, False

    def error(self, what: str) -> PatternError:
        """The error for what the pattern does at this place."""
        return PatternError(f"pattern={self.pattern!r} is not a regular expression of ECMA 262: at character {self.at} it {what}")

    def takes(self, text: str) -> bool:
        """Whether `text` comes next; it is passed over."""
        found = self.pattern.startswith(text, self.at)
        self.at += len(text) if found else 0
        return found

    def match(self, expression: re.Pattern[str]) -> re.Match[str] | None:
        """What comes next, if it has the form; it is passed over."""
        match = expression.match(self.pattern, self.at)
        self.at = match.end() if match else self.at
        return match

    def escaped_chars(self) -> CharSet:
        """What an escape stands for; its backslash is passed over."""
        name = self.pattern[self.at : self.at + 1]
        if name in _CLASSES and name:
            self.at += 1
            return _CLASSES[name]
        if name in ("p", "P"):
            return self.property(name)
        code = self.match(_CODE)
        if code is not None:
            return one(self.code(code))
        if name in _CONTROLS and name:
            self.at += 1
            return one(_CONTROLS[name])
        if not name or (name.isascii() and name.isalnum()):
            raise self.error(f"has the escape \\{name}, which ECMA 262 lacks")
        self.at += 1
        return one(ord(name))

    def code(self, match: re.Match[str]) -> int:
        """The code point that an escape names."""
        if match["high"]:
            return 0x10000 + ((int(match["high"], 16) - 0xD800) << 10) + int(match["low"], 16) - 0xDC00
        if match["c"]:
            return ord(match["c"]) % 32
        code = int(match["x"] or match["long"] or match["u"] or "0", 16)
        if code > 0x10FFFF:
            raise self.error("names a character that Unicode lacks")
        return code

    def property(self, name: str) -> CharSet:
        """The characters with a property of Unicode, as in `\\p{Greek}`."""
        import regex

        match = self.match(re.compile(r"[pP]\{(?:[A-Za-z_]+=)?[A-Za-z0-9_]+\}"))
        if match is None:
            raise self.error(f"has \\{name} without a property of Unicode in braces")
        try:
            return matching("\\" + match.group())
        except regex.error:
            raise self.error(f"names the property {match.group()}, which Unicode lacks") from None

    def char_class(self) -> CharSet:
        """The characters of a class in brackets."""
        self.at += 1
        is_negated = self.takes("^")
        ranges: list[tuple[int, int]] = []
        while not self.takes("]"):
            low = self.class_member()
            if self.pattern.startswith("-", self.at) and not self.pattern.startswith("-]", self.at) and _is_one(low):
                start, self.at = self.at, self.at + 1
                high = self.class_member()
                if not _is_one(high):
                    ranges += [*low, (0x2D, 0x2D), *high]
                elif high[0][0] < low[0][0]:
                    self.at = start
                    raise self.error("has a range that counts down")
                else:
                    ranges.append((low[0][0], high[0][0]))
            else:
                ranges += low
        chars = char_set(ranges)
        if self.ignores_case:
            chars = folded(chars)
        return complement(chars) if is_negated else chars

    def class_member(self) -> CharSet:
        """The next character of a class, or the set that an escape stands for."""
        if self.at >= len(self.pattern):
            raise self.error("lacks a ]")
        self.at += 1
        char = self.pattern[self.at - 1]
        if char != "\\":
            return one(ord(char))
        return one(8) if self.takes("b") else self.escaped_chars()


def one(code: int) -> CharSet:
    """The set of one character."""
    return ((code, code),)


def _is_one(chars: CharSet) -> bool:
    return len(chars) == 1 and chars[0][0] == chars[0][1]
