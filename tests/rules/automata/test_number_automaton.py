"""Numbers between bounds against Python's own arithmetic."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from foretell.rules.automata.byte_automaton import EmptyLanguageError
from foretell.rules.automata.number_automaton import number_automaton


def written(scaled: int, precision: int, shortest: bool) -> str:
    """The number scaled / 10**precision as Python writes it."""
    text = f"{Decimal(scaled).scaleb(-precision):.{precision}f}"
    return text.rstrip("0").rstrip(".") if shortest and precision else text


def texts(automaton, most: int) -> set[str]:
    """All its texts of at most so many bytes."""
    found, level = set(), {"": automaton.start}
    for _ in range(most + 1):
        found |= {text for text, state in level.items() if automaton.accepts(state)}
        level = {text + chr(byte): after for text, state in level.items() for byte, after in automaton.transitions(state).items()}
    return found


bounds = st.none() | st.integers(-1200, 1200) | st.sampled_from([0, 1, -1, 9, 10, 99, 100, 101, -10, -99, -100, 999, 1000])


@settings(deadline=None)
@given(bounds, bounds, st.integers(0, 3), st.booleans(), st.booleans())
def test_texts_are_the_numbers_between_the_bounds(low, high, precision, shortest, negative_zero):
    assume(low is None or high is None or low <= high)
    most = 6 + precision  # sign, four digits, point
    reach = 10 ** (4 + precision)
    inside = range(-reach if low is None else low, (reach if high is None else high) + 1)
    expected = {written(scaled, precision, shortest) for scaled in (inside if len(inside) < 4000 else ())}
    automaton = number_automaton(low, high, precision, shortest, negative_zero)
    if low is not None and high is not None:
        zero = {"-" + written(0, precision, shortest)} if negative_zero and low <= 0 <= high else set()
        assert texts(automaton, most) == expected | zero
    for scaled in {0, 1, -1, *(b + d for b in (low, high) if b is not None for d in (-10, -1, 0, 1, 10, 10**precision))}:
        inside_here = (low is None or scaled >= low) and (high is None or scaled <= high)
        assert automaton.matches(written(scaled, precision, shortest).encode()) == inside_here


@pytest.mark.parametrize(
    ("low", "high", "precision", "shortest"), [(-12, 34, 1, True), (-12, 134, 1, False), (None, 7, 1, True), (-3, None, 0, False)]
)
def test_every_string_is_judged_as_its_value_and_writing_say(low, high, precision, shortest):
    """All strings over the alphabet, not only numbers: none but canonical writings within the bounds."""
    automaton = number_automaton(low, high, precision, shortest)
    canonical = {written(scaled, precision, shortest) for scaled in range(-99999, 100000)}
    for length in range(6):
        for letters in product("-.0139", repeat=length):
            text = "".join(letters)
            good = text in canonical
            if good:
                scaled = Fraction(text) * 10**precision
                good = (low is None or scaled >= low) and (high is None or scaled <= high)
            assert automaton.matches(text.encode()) == good, text


big = st.integers(-(10**60), 10**60)


@settings(deadline=None)
@given(big, big, big, st.integers(0, 30), st.booleans())
def test_bounds_of_any_size_are_exact(a, b, other, precision, shortest):
    low, high = sorted((a, b))
    automaton = number_automaton(low, high, precision, shortest)
    for scaled in (low - 1, low, low + 1, high - 1, high, high + 1, other, low // 10, high // 10, -low, -high):
        assert automaton.matches(written_exactly(scaled, precision, shortest).encode()) == (low <= scaled <= high)


def written_exactly(scaled: int, precision: int, shortest: bool) -> str:
    """As `written`, by string alone: Decimal's context would round."""
    digits = str(abs(scaled)).rjust(precision + 1, "0")
    whole, fraction = digits[: len(digits) - precision], digits[len(digits) - precision :]
    fraction = fraction.rstrip("0") if shortest else fraction
    return ("-" if scaled < 0 else "") + whole + ("." + fraction if fraction else "")


@settings(deadline=None)
@given(st.integers(-(10**40), 10**40), st.integers(0, 10**6), st.integers(0, 5), st.booleans())
def test_every_state_leads_to_a_number(low, width, precision, shortest):
    """Whatever digit is chosen, the number can be finished: the walk that always takes the last edge ends within the bounds."""
    automaton = number_automaton(low, low + width, precision, shortest)
    for pick in (min, max):
        state, text = automaton.start, b""
        while not automaton.accepts(state) and automaton.transitions(state):
            byte = pick(automaton.transitions(state))
            state, text = automaton.step(state, byte), text + bytes([byte])
        assert automaton.accepts(state)
        assert low <= Fraction(text.decode()) * 10**precision <= low + width


def test_no_number_between_the_bounds_is_an_error():
    with pytest.raises(EmptyLanguageError):
        number_automaton(3, 2)
    with pytest.raises(EmptyLanguageError):
        number_automaton(3, -2)


def test_a_thousand_digits_take_few_states():
    assert len(number_automaton(10**999 + 7, 10**1000 + 3, 2).table) < 10_000
