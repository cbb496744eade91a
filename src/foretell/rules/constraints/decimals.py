"""A decimal number between two bounds, with a given number of digits after the point."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from math import ceil, floor

from foretell.parts import require
from foretell.rules.automata.byte_automaton import ByteAutomaton
from foretell.rules.automata.byte_constraint import ByteConstraint
from foretell.rules.automata.number_automaton import number_automaton


@dataclass(frozen=True)
class Decimals(ByteConstraint):
    """The whole text is a number x with minimum <= x <= maximum, a multiple of 10**-precision, in plain digits: a minus if it is
    negative, digits without a leading zero (except "0" itself), then a point and digits. No plus, no exponent, no spaces.

    minimum, maximum: int, float or decimal text ("0.1"), or None for no bound; a float means the digits that Python prints for it, so
    that 0.1 is a tenth. precision: digits after the point, at least 1. fixed: exactly `precision` digits ("1.50", "2.00"); otherwise at
    most so many, without zeros at the end and without a bare point ("1.5", "2"). Either way each number has one text. negative_zero: zero
    may have a minus too.

    Guarantee: the model's distribution restricted step by step, over all tokenizations of the digits; exact verifiers keep it.
    Needs: the bytes of each token. Cost: as that of `Integers`. State: the number of digits before or after the point, and how they
    compare with the bounds' digits, so bounds are exact however close or long they are.

    Koo et al., "Automata-based constraints for language model decoding", for automata over tokens; the automaton of numbers is our own.
    Errors: UserError for bounds that are not numbers, and if no multiple of 10**-precision lies between them.

    >>> Decimals(-0.5, "1.005", precision=2).automaton().matches(b"1.00"), Decimals(0, 1).automaton().matches(b"1.01")
    (True, False)
    """

    papers = ("automata-constraints",)

    minimum: int | float | str | None = None
    maximum: int | float | str | None = None
    precision: int = 2
    fixed: bool = True
    negative_zero: bool = False

    def __post_init__(self) -> None:
        is_count = isinstance(self.precision, int) and self.precision >= 1
        require(is_count, self, "precision", self.precision, "must be a whole number of at least 1; for whole numbers use Integers")
        for name in ("minimum", "maximum"):
            if isinstance(value := getattr(self, name), Decimal):  # whose repr a recipe could not read
                object.__setattr__(self, name, str(value))
            require(_is_number(value), self, name, value, "must be a finite number, or None for no bound")
        low, high = self._scaled()
        remedy = f"must leave a number with {self.precision} digits after the point from minimum={self.minimum!r} on"
        require(low is None or high is None or low <= high, self, "maximum", self.maximum, remedy)

    @classmethod
    def examples(cls) -> list[Decimals]:
        return [cls(-1, "0.1", precision=1), cls("0.9", 1, precision=2, fixed=False), cls(0, 0, precision=1, negative_zero=True)]

    def _scaled(self) -> tuple[int | None, int | None]:
        """The lowest and the highest number, as multiples of 10**-precision."""
        scale = 10**self.precision
        low = None if self.minimum is None else ceil(Fraction(str(self.minimum)) * scale)
        high = None if self.maximum is None else floor(Fraction(str(self.maximum)) * scale)
        return low, high

    def automaton(self) -> ByteAutomaton:
        return number_automaton(*self._scaled(), self.precision, not self.fixed, self.negative_zero)


def _is_number(value: object) -> bool:
    """Whether `value` can be a bound."""
    if value is None:
        return True
    try:
        return not isinstance(value, bool) and Decimal(str(value)).is_finite()
    except InvalidOperation:
        return False
