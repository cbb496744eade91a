"""Sets of characters as sorted ranges of code points."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

#: Sorted ranges (first, last) that neither overlap nor touch.
CharSet = tuple[tuple[int, int], ...]

_LAST = 0x10FFFF
#: Halves of surrogate pairs: no text contains one.
_SURROGATES = (0xD800, 0xDFFF)


def char_set(ranges: Iterable[tuple[int, int]]) -> CharSet:
    """The set of these ranges, which may overlap. Surrogates are left out."""
    joined: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if joined and low <= joined[-1][1] + 1:
            joined[-1] = joined[-1][0], max(high, joined[-1][1])
        else:
            joined.append((low, high))
    first, last = _SURROGATES
    parts = [(low, min(high, first - 1)) for low, high in joined if low < first] + [
        (max(low, last + 1), high) for low, high in joined if high > last
    ]
    return tuple(part for part in parts if part[0] <= part[1])


def complement(chars: CharSet) -> CharSet:
    """All other characters."""
    ranges, at = [], 0
    for low, high in chars:
        ranges.append((at, low - 1))
        at = high + 1
    return char_set(part for part in [*ranges, (at, _LAST)] if part[0] <= part[1])


def atoms(sets: Iterable[CharSet]) -> list[CharSet]:
    """The coarsest partition of all characters of which every one of these sets is a union."""
    sets = list(dict.fromkeys(sets))
    starts: dict[int, int] = {0: 0}
    for index, chars in enumerate(sets):
        for low, high in chars:
            for place in (low, high + 1):
                starts[place] = starts.get(place, 0) ^ (1 << index)
    parts: dict[int, list[tuple[int, int]]] = {}
    places, inside = sorted(starts), 0
    for i, place in enumerate(places):
        inside ^= starts[place]
        last = places[i + 1] - 1 if i + 1 < len(places) else _LAST
        if place <= _LAST:
            parts.setdefault(inside, []).append((place, last))
    return [chars for chars in map(char_set, parts.values()) if chars]


def contains(chars: CharSet, code: int) -> bool:
    """Whether the set has the character with this code point."""
    return any(low <= code <= high for low, high in chars)


@lru_cache(256)
def matching(char_class: str) -> CharSet:
    """The characters that match a class in the syntax of the `regex` package, such as `\\p{Greek}`. regex.error for an unknown one."""
    import regex

    found = regex.compile(f"(?:{char_class})+").finditer(_all_characters())
    first, last = _SURROGATES
    shift = last - first + 1
    ranges = [(match.start(), match.end() - 1) for match in found]  # of the text without surrogates
    split = [part for low, high in ranges for part in ([(low, first - 1), (first, high)] if low < first <= high else [(low, high)])]
    return char_set((low, high) if high < first else (low + shift, high + shift) for low, high in split)


def folded(chars: CharSet) -> CharSet:
    """The set with the other case of its letters."""
    if sum(high - low + 1 for low, high in chars) > 0x10000:
        return chars
    codes = [code for low, high in chars for code in range(low, high + 1)]
    cases = {case for code in codes for case in (chr(code).lower(), chr(code).upper()) if len(case) == 1}
    return char_set([*chars, *((ord(case), ord(case)) for case in cases)])


@lru_cache(1)
def _all_characters() -> str:
    return "".join(map(chr, (*range(_SURROGATES[0]), *range(_SURROGATES[1] + 1, _LAST + 1))))


ANY = complement(())
DIGIT = char_set([(0x30, 0x39)])
WORD = char_set([(0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A)])
LINE_END = char_set([(0x0A, 0x0A), (0x0D, 0x0D), (0x2028, 0x2029)])
#: White space and line ends as ECMA 262 has them.
SPACE = char_set(
    (ord(char), ord(char))
    for char in "\t\n\v\f\r \xa0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff" + "".join(map(chr, range(0x2000, 0x200B)))
)
