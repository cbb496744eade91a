"""What constraints made of constraints share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from foretell.decoding.automata.byte_automaton import ByteAutomaton
from foretell.decoding.automata.byte_constraint import ByteConstraint
from foretell.decoding.automata.byte_state import ByteMemory
from foretell.decoding.constraints.base import Constraint, State
from foretell.models.vocabulary import Vocabulary
from foretell.parts import require


class Combination(ByteConstraint):
    """Abstract: subclasses add the field `constraints`, `automaton` and `joined`.

    Where all parts are byte automata, so is the whole, and tokens are looked up in it. Other parts are asked token by token.
    """

    constraints: tuple[Constraint, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "constraints", tuple(self.constraints))
        good = len(self.constraints) >= 2 and all(isinstance(constraint, Constraint) for constraint in self.constraints)
        require(good, self, "constraints", self.constraints, "must be two constraints or more")

    @classmethod
    def examples(cls) -> list[Any]:
        """All parts byte automata; none; and some."""
        from foretell.decoding.constraints.choices import Choices
        from foretell.decoding.constraints.regex import Regex

        return [cls((Choices(("ab", "aba", "b")), Choices(("ab", "b", "bab")))), cls((Regex("(ab|b)*"), Choices(("ab", "b", "abb"))))]

    @abstractmethod
    def automaton(self) -> ByteAutomaton:
        """The automaton of the parts'; asked only where `is_bytes`."""

    @abstractmethod
    def joined(self, states: tuple[State, ...]) -> State:
        """The state before the first token, of the parts' states there."""

    @property
    def is_bytes(self) -> bool:
        """Whether it is a byte automaton."""
        return all(_is_bytes(constraint) for constraint in self.constraints)

    @property
    def can_dead_end(self) -> bool:
        return any(constraint.can_dead_end for constraint in self.constraints)

    def remember(self, vocabulary: Vocabulary) -> Any:
        if self.is_bytes:
            return super().remember(vocabulary)
        return tuple(constraint.remember(vocabulary) for constraint in self.constraints)

    def begin(self, memory: Any, prompt: Sequence[int] = ()) -> State:
        if isinstance(memory, ByteMemory):
            return super().begin(memory, prompt)
        states = tuple(constraint.begin(part, prompt) for constraint, part in zip(self.constraints, memory, strict=True))
        for constraint, state in zip(self.constraints, states, strict=True):
            if type(state).law is not State.law or type(state).target_law is not State.target_law:
                raise ValueError(
                    f"{type(self).__name__}: constraints has {constraint!r}, whose law of its own would be lost; "
                    "put the combination into it instead"
                )
        return self.joined(states)


def _is_bytes(constraint: Constraint) -> bool:
    return constraint.is_bytes if isinstance(constraint, Combination) else isinstance(constraint, ByteConstraint)
