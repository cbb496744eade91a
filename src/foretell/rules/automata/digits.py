"""The automaton of numbers between two bounds, written in decimal digits."""

from __future__ import annotations

from typing import NamedTuple

from foretell.rules.automata.byte_automaton import Table, written_out

MINUS, POINT, ZERO = b"-.0"


class _Bound(NamedTuple):
    """A bound of a magnitude: its digits before the point, and the `precision` ones behind it."""

    whole: bytes
    fraction: bytes

    @classmethod
    def of(cls, scaled: int, precision: int) -> _Bound:
        digits = str(scaled).rjust(precision + 1, "0").encode()
        cut = len(digits) - precision
        return cls(digits[:cut], digits[cut:])


class _Range(NamedTuple):
    """Magnitudes from `low` to `high` (None: without end), how many digits follow the point, and whether zeros at the end go."""

    low: _Bound
    high: _Bound | None
    precision: int
    shortest: bool


class _Place(NamedTuple):
    """How far a magnitude was read. length: digits before the point, or behind it where `behind`. low, high: how the digits compare
    with as many of the bounds' (-1, 0, 1). last: the digit before, where it matters."""

    behind: bool = False
    length: int = 0
    low: int = 0
    high: int = 0
    last: int = -1


_START = ("start", _Place())


def numbers(low: int | None, high: int | None, precision: int = 0, shortest: bool = False, negative_zero: bool = False) -> Table:
    """The automaton of the numbers n / 10**precision, for whole n from `low` to `high` (None: without end).

    Texts: a minus where the number is negative, digits without a leading zero, and where precision is above 0 a point and
    `precision` digits; if `shortest`, zeros at the end are left out, and so is a point with nothing behind it. `negative_zero`: zero
    may have a minus too. Each state knows how the digits so far compare with the bounds', so bounds of any size are exact.
    Raises NoTextError where there is no number between the bounds.
    """
    ranges = {}
    if high is None or high >= 0:
        ranges["positive"] = _range(max(low or 0, 0), high, precision, shortest)
    zero = negative_zero and (low is None or low <= 0) and (high is None or high >= 0)
    if low is None or low < 0 or zero:
        least = 0 if zero else max(1, -high) if high is not None else 1
        ranges["negative"] = _range(least, None if low is None else max(-low, 0), precision, shortest)

    def edges(state: tuple[str, _Place]) -> dict[int, tuple[str, _Place]]:
        sign, place = state
        found: dict[int, tuple[str, _Place]] = {}
        if sign == "start":
            if "negative" in ranges:
                found[MINUS] = ("negative", place)
            sign = "positive"
        if sign in ranges:
            found |= {byte: (sign, after) for byte, after in _edges(ranges[sign], place).items()}
        return found

    return written_out(_START, edges, lambda state: state != _START and _ends(ranges[state[0]], state[1]))


def _range(low: int, high: int | None, precision: int, shortest: bool) -> _Range:
    return _Range(_Bound.of(low, precision), None if high is None else _Bound.of(high, precision), precision, shortest)


def _edges(bounds: _Range, place: _Place) -> dict[int, _Place]:
    """What may follow; states from which no number is reached are weeded out later."""
    found = {}
    if place.behind:
        if place.length < bounds.precision:
            found = {ZERO + digit: _behind(bounds, place, digit) for digit in range(10)}
    else:
        if place.length == 0 or place.last != 0:
            found = {ZERO + digit: _before(bounds, place, digit) for digit in range(10)}
        if bounds.precision:
            found[POINT] = _at_point(bounds, place)
    return {byte: after for byte, after in found.items() if after is not None}


def _before(bounds: _Range, place: _Place, digit: int) -> _Place | None:
    """After one more digit before the point."""
    length = place.length + 1
    low = _compared(place.low, digit, bounds.low.whole, place.length)
    if bounds.high is None:
        length, high = min(length, len(bounds.low.whole) + 1), -1  # longer than the lower bound: how long is all the same
    elif length > len(bounds.high.whole):
        return None
    else:
        high = _compared(place.high, digit, bounds.high.whole, place.length)
    alone = place.length == 0 and digit == 0
    return _Place(False, length, low, high, 0 if alone else -1)


def _at_point(bounds: _Range, place: _Place) -> _Place | None:
    """Where the digits before the point end: how the number compares with the bounds for good, or 0 where that is still open."""
    if place.length == 0:
        return None
    low = _by_length(place.length, place.low, bounds.low.whole)
    high = -1 if bounds.high is None else _by_length(place.length, place.high, bounds.high.whole)
    return None if low < 0 or high > 0 else _Place(True, 0, low, high)


def _behind(bounds: _Range, place: _Place, digit: int) -> _Place | None:
    """After one more digit behind the point."""
    low = _compared(place.low, digit, bounds.low.fraction, place.length)
    high = -1 if bounds.high is None else _compared(place.high, digit, bounds.high.fraction, place.length)
    last = min(digit, 1) if bounds.shortest else -1
    return None if low < 0 or high > 0 else _Place(True, place.length + 1, low, high, last)


def _ends(bounds: _Range, place: _Place) -> bool:
    """Whether a number may end here; missing digits behind the point are zeros."""
    if not place.behind:
        whole = _at_point(bounds, place)
        if whole is None or (bounds.precision and not bounds.shortest):
            return False
        place = whole
    elif place.last == 0 or place.length < (1 if bounds.shortest else bounds.precision):
        return False
    return place.low > 0 or not bounds.low.fraction[place.length :].strip(b"0")


def _compared(so_far: int, digit: int, bound: bytes, place: int) -> int:
    """How the digits compare once `digit` is read, which stands at `place` of the bound; beyond its end nothing is compared."""
    if so_far or place >= len(bound):
        return so_far
    return (digit > bound[place] - ZERO) - (digit < bound[place] - ZERO)


def _by_length(length: int, compared: int, bound: bytes) -> int:
    """How a whole number of `length` digits compares with a bound, where equally long ones compare so."""
    return compared if length == len(bound) else 1 if length > len(bound) else -1
