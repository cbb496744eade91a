"""A whole number between two bounds, in decimal digits."""

from __future__ import annotations

from dataclasses import dataclass

from foretell.parts import require
from foretell.rules.automata.byte_automaton import ByteAutomaton
from foretell.rules.automata.byte_constraint import ByteConstraint
from foretell.rules.automata.number_automaton import number_automaton


@dataclass(frozen=True)
class Integers(ByteConstraint):
    """The whole text is a number n with minimum <= n <= maximum, in the form of Python's `str`: a minus if it is negative, digits
    without a leading zero, neither plus nor "-0". So each number has one text.

    minimum, maximum: whole numbers of any size that Python can print, or None for no bound.

    Guarantee: the model's distribution restricted step by step, over all tokenizations of the digits; exact verifiers keep it.
    Needs: the bytes of each token. Cost: the automaton is built once, with a few states for each digit of the bounds; a token set is a
    traversal of the tokens made of digits, about 0.2 ms, kept by state. State: the number of digits, and how they compare with the bounds'.

    Koo et al., "Automata-based constraints for language model decoding", for automata over tokens; the automaton of numbers is our own.
    Errors: UserError for bounds that are not whole numbers or have no number between them.

    >>> from foretell.models.vocabulary import Vocabulary
    >>> vocabulary = Vocabulary((b"0", b"1", b"2", b"10", None), frozenset({4}))
    >>> Integers(2, 10).start(vocabulary).allowed().ids.tolist(), Integers(0, 10**30 + 1).automaton().matches(b"1" + b"0" * 29 + b"2")
    ([1, 2, 3], False)
    """

    papers = ("automata-constraints",)

    minimum: int | None = None
    maximum: int | None = None

    def __post_init__(self) -> None:
        for name in ("minimum", "maximum"):
            value = getattr(self, name)
            is_bound = value is None or (isinstance(value, int) and not isinstance(value, bool))
            require(is_bound, self, name, value, "must be a whole number, or None for no bound")
        in_order = self.minimum is None or self.maximum is None or self.minimum <= self.maximum
        require(in_order, self, "maximum", self.maximum, f"must not be below minimum={self.minimum!r}")

    @classmethod
    def examples(cls) -> list[Integers]:
        return [cls(-1, 10), cls(maximum=1)]

    def automaton(self) -> ByteAutomaton:
        return number_automaton(self.minimum, self.maximum)
