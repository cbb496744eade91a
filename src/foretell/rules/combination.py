"""What constraints made of constraints share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from foretell.decoding.constraint import Constraint, State
from foretell.errors import UserError
from foretell.models.vocabulary import Vocabulary
from foretell.parts import require
from foretell.rules.automata.byte_automaton import ByteAutomaton
from foretell.rules.automata.byte_constraint import ByteConstraint, is_bytes


class Combination(ByteConstraint):
    """Abstract: subclasses add the field `constraints`, `of_automata` and `of_states`.

    Where all parts are byte automata, so is the whole, and tokens are looked up in it. Other parts are asked token by token.
    """

    constraints: tuple[Constraint, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "constraints", tuple(self.constraints))
        good = len(self.constraints) >= 2 and all(isinstance(constraint, Constraint) for constraint in self.constraints)
        require(good, self, "constraints", self.constraints, "must be two constraints or more")

    @classmethod
    def examples(cls) -> list[Any]:
        """All parts byte automata, and some."""
        from foretell.rules.constraints.choices import Choices
        from foretell.rules.constraints.regex import Regex

        return [cls((Choices(("ab", "aba")), Choices(("ab", "b")))), cls((Regex("a{1,2}b?"), Choices(("ab", "b"))))]

    @abstractmethod
    def of_automata(self, automata: Sequence[ByteAutomaton]) -> ByteAutomaton:
        """The automaton of the parts' automata."""

    @abstractmethod
    def of_states(self, states: tuple[State, ...]) -> State:
        """The state before the first token, of the parts' states there."""

    @property
    def is_bytes(self) -> bool:
        return all(map(is_bytes, self.constraints))

    def automaton(self) -> ByteAutomaton:
        return self.of_automata([constraint.automaton() for constraint in self.constraints if isinstance(constraint, ByteConstraint)])

    @property
    def pieces(self) -> tuple[Constraint, ...]:
        """The parts as they are asked token by token."""
        return self.constraints

    @property
    def can_dead_end(self) -> bool:
        return any(constraint.can_dead_end for constraint in self.constraints)

    def remember(self, vocabulary: Vocabulary) -> Any:
        if self.is_bytes:
            return super().remember(vocabulary)
        return tuple(piece.remember(vocabulary) for piece in self.pieces)

    def begin(self, memory: Any, prompt: Sequence[int] = ()) -> State:
        if self.is_bytes:
            return super().begin(memory, prompt)
        states = tuple(piece.begin(part, prompt) for piece, part in zip(self.pieces, memory, strict=True))
        for piece, state in zip(self.pieces, states, strict=True):
            if type(state).distribution is not State.distribution or type(state).target_distribution is not State.target_distribution:
                raise UserError(
                    f"{type(self).__name__}: constraints has {piece!r}, whose distribution of its own would be lost; "
                    "put the combination into it instead"
                )
        return self.of_states(states)
