"""Numbers that are still being generated: whether digits may follow, or the number is beyond its bounds already."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

from foretell.rules.automata.byte_automaton import ByteAutomaton, EmptyLanguageError
from foretell.rules.automata.number_automaton import number_automaton

_COMPLETE = re.compile(rb"-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_DECIMAL = re.compile(rb"(-?)([0-9]+(?:\.[0-9]*)?)")
#: Keywords that bound a number, and with those that list it.
BOUNDS = ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")
LIMITS = (*BOUNDS, "const", "enum")


def overflows(text: bytes) -> bool:
    """Whether a number with a fraction or an exponent is too large for a float; further digits do not change that."""
    if b"e" not in text and b"E" not in text and b"." not in text:
        return False
    return _COMPLETE.fullmatch(text) is not None and math.isinf(float(text))


def finite(text: str) -> float:
    """The float that a text says. ValueError if it is too large for one."""
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text} is too large for a float")
    return value


@dataclass(frozen=True)
class NumberBounds:
    """Bounds of a number that begins. low, high: the bounds, None for none. is_whole: it has neither a fraction nor an exponent."""

    low: Fraction | None
    high: Fraction | None
    is_whole: bool

    @classmethod
    def of(cls, schemas: Iterable[dict[str, Any]]) -> NumberBounds:
        """The bounds of a number that satisfies all these keywords."""
        low: list[Fraction] = []
        high: list[Fraction] = []
        schemas = list(schemas)
        listed = [_listed(keywords) for keywords in schemas if "const" in keywords or "enum" in keywords]
        is_whole = any(all(isinstance(value, int) for value in values) for values in listed) or any(
            "integer" in keywords["type"] and "number" not in keywords["type"] for keywords in schemas if "type" in keywords
        )
        for values in listed:
            low.append(min(map(_exact, values), default=Fraction(1)))
            high.append(max(map(_exact, values), default=Fraction(0)))  # no number is allowed
        for keywords in schemas:
            for keyword in BOUNDS:
                if keyword in keywords:
                    bound = _exact(keywords[keyword])
                    is_strict = is_whole and keyword.startswith("exclusive") and bound.denominator == 1
                    if keyword.lower().endswith("maximum"):
                        high.append(bound - is_strict)
                    else:
                        low.append(bound + is_strict)
        return cls(max(low, default=None), min(high, default=None), is_whole)

    def allow(self, text: bytes) -> bool:
        """Whether a number that begins with this text, or is it, may lie between the bounds."""
        if self.is_whole:
            automaton = _whole_numbers(self.low, self.high)
            return automaton is not None and automaton.read(automaton.start, text) is not None
        match = _DECIMAL.fullmatch(text)  # a number with an exponent may become anything
        if match is None:
            return True
        magnitude = Fraction(match[2].decode().rstrip("."))
        if match[1]:
            return self.low is None or -magnitude >= self.low
        return self.high is None or magnitude <= self.high


def _listed(keywords: dict[str, Any]) -> list[float]:
    """The numbers of `const` or `enum`."""
    values = [keywords["const"]] if "const" in keywords else keywords["enum"]
    return [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]


def _exact(number: float) -> Fraction:
    """The number as it is printed."""
    return Fraction(number if isinstance(number, int) else repr(number))


@lru_cache(128)
def _whole_numbers(low: Fraction | None, high: Fraction | None) -> ByteAutomaton | None:
    """The automaton of the whole numbers between the bounds; None if there are none."""
    try:
        return number_automaton(None if low is None else math.ceil(low), None if high is None else math.floor(high), negative_zero=True)
    except EmptyLanguageError:
        return None
