"""The automaton of the numbers between two bounds, in decimal digits."""

from __future__ import annotations

from typing import NamedTuple

from foretell.rules.automata.byte_automaton import TableAutomaton, tabulated

MINUS, POINT, ZERO = b"-.0"


class _Bound(NamedTuple):
    """The digits of a bound of a magnitude: those before the point, and `precision` digits after it."""

    whole: bytes
    fraction: bytes

    @classmethod
    def of(cls, scaled: int, precision: int) -> _Bound:
        digits = str(scaled).rjust(precision + 1, "0").encode()
        cut = len(digits) - precision
        return cls(digits[:cut], digits[cut:])


class _Range(NamedTuple):
    """The magnitudes from `low` to `high` (None: no upper bound). precision: digits after the point. shortest: no zeros at the end."""

    low: _Bound
    high: _Bound | None
    precision: int
    shortest: bool


class _DigitPosition(NamedTuple):
    """How far a magnitude was read. in_fraction: the point was read. length: digits before the point, or after it if `in_fraction`. low,
    high: how the digits so far compare with the same digits of the bounds (-1, 0, 1). last: the last digit where it matters, else -1."""

    in_fraction: bool = False
    length: int = 0
    low: int = 0
    high: int = 0
    last: int = -1


_START = ("start", _DigitPosition())


def number_automaton(
    low: int | None, high: int | None, precision: int = 0, shortest: bool = False, negative_zero: bool = False
) -> TableAutomaton:
    """The automaton of the numbers n / 10**precision for the whole numbers n from `low` to `high` (None: no bound).

    A text is a minus if the number is negative, then digits without a leading zero, then, if precision is above 0, a point and
    `precision` digits. shortest: zeros at the end are left out, and the point if nothing follows it. negative_zero: zero may have a
    minus too. Each state records how the digits so far compare with the bounds' digits, so bounds of any size are exact.

    Errors: EmptyLanguageError if there is no number between the bounds.
    """
    ranges = {}
    if high is None or high >= 0:
        ranges["positive"] = _range(max(low or 0, 0), high, precision, shortest)
    zero = negative_zero and (low is None or low <= 0) and (high is None or high >= 0)
    if low is None or low < 0 or zero:
        least = 0 if zero else max(1, -high) if high is not None else 1
        ranges["negative"] = _range(least, None if low is None else max(-low, 0), precision, shortest)

    def transitions(state: tuple[str, _DigitPosition]) -> dict[int, tuple[str, _DigitPosition]]:
        sign, position = state
        after: dict[int, tuple[str, _DigitPosition]] = {}
        if sign == "start":
            if "negative" in ranges:
                after[MINUS] = ("negative", position)
            sign = "positive"
        if sign in ranges:
            after |= {byte: (sign, moved) for byte, moved in _transitions(ranges[sign], position).items()}
        return after

    return tabulated(_START, transitions, lambda state: state != _START and _may_end(ranges[state[0]], state[1]))


def _range(low: int, high: int | None, precision: int, shortest: bool) -> _Range:
    return _Range(_Bound.of(low, precision), None if high is None else _Bound.of(high, precision), precision, shortest)


def _transitions(bounds: _Range, position: _DigitPosition) -> dict[int, _DigitPosition]:
    """The bytes that may follow. Positions from which no number is reached are dead states, which `tabulated` removes."""
    after = {}
    if position.in_fraction:
        if position.length < bounds.precision:
            after = {ZERO + digit: _after_fraction_digit(bounds, position, digit) for digit in range(10)}
    else:
        if position.length == 0 or position.last != 0:
            after = {ZERO + digit: _after_whole_digit(bounds, position, digit) for digit in range(10)}
        if bounds.precision:
            after[POINT] = _after_point(bounds, position)
    return {byte: moved for byte, moved in after.items() if moved is not None}


def _after_whole_digit(bounds: _Range, position: _DigitPosition, digit: int) -> _DigitPosition | None:
    """The position after one more digit before the point."""
    length = position.length + 1
    low = _compared(position.low, digit, bounds.low.whole, position.length)
    if bounds.high is None:
        length, high = min(length, len(bounds.low.whole) + 1), -1  # longer than the lower bound: the exact length no longer matters
    elif length > len(bounds.high.whole):
        return None
    else:
        high = _compared(position.high, digit, bounds.high.whole, position.length)
    is_lone_zero = position.length == 0 and digit == 0
    return _DigitPosition(False, length, low, high, 0 if is_lone_zero else -1)


def _after_point(bounds: _Range, position: _DigitPosition) -> _DigitPosition | None:
    """The position after the point. From now on `low` and `high` compare whole numbers, and are 0 only where these are equal."""
    if position.length == 0:
        return None
    low = _compared_by_length(position.length, position.low, bounds.low.whole)
    high = -1 if bounds.high is None else _compared_by_length(position.length, position.high, bounds.high.whole)
    return None if low < 0 or high > 0 else _DigitPosition(True, 0, low, high)


def _after_fraction_digit(bounds: _Range, position: _DigitPosition, digit: int) -> _DigitPosition | None:
    """The position after one more digit after the point."""
    low = _compared(position.low, digit, bounds.low.fraction, position.length)
    high = -1 if bounds.high is None else _compared(position.high, digit, bounds.high.fraction, position.length)
    last = min(digit, 1) if bounds.shortest else -1
    return None if low < 0 or high > 0 else _DigitPosition(True, position.length + 1, low, high, last)


def _may_end(bounds: _Range, position: _DigitPosition) -> bool:
    """Whether a number may end here; missing digits after the point are zeros."""
    if not position.in_fraction:
        whole = _after_point(bounds, position)
        if whole is None or (bounds.precision and not bounds.shortest):
            return False
        position = whole
    elif position.last == 0 or position.length < (1 if bounds.shortest else bounds.precision):
        return False
    return position.low > 0 or not bounds.low.fraction[position.length :].strip(b"0")


def _compared(so_far: int, digit: int, bound: bytes, index: int) -> int:
    """How the digits compare with the bound's after `digit`, which stands at `index`; unchanged beyond the bound's end."""
    if so_far or index >= len(bound):
        return so_far
    return (digit > bound[index] - ZERO) - (digit < bound[index] - ZERO)


def _compared_by_length(length: int, compared: int, bound: bytes) -> int:
    """How a whole number of `length` digits compares with a bound. compared: the answer if both have the same length."""
    return compared if length == len(bound) else 1 if length > len(bound) else -1
