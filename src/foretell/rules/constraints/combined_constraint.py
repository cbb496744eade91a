"""The common base of constraints that are made of constraints."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from foretell.decoding.constraint import Constraint, ConstraintState
from foretell.errors import UserError
from foretell.models.vocabulary import Vocabulary
from foretell.parts import require
from foretell.rules.automata.byte_automaton import ByteAutomaton
from foretell.rules.automata.byte_constraint import ByteConstraint, is_byte_constraint


class CombinedConstraint(ByteConstraint):
    """Abstract: subclasses have the field `constraints` and implement `of_automata` and `of_states`.

    If all parts are byte automata, the combination is one too, and token sets are looked up in it. Otherwise it asks the states of its
    parts token by token.
    """

    constraints: tuple[Constraint, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "constraints", tuple(self.constraints))
        are_constraints = len(self.constraints) >= 2 and all(isinstance(constraint, Constraint) for constraint in self.constraints)
        require(are_constraints, self, "constraints", self.constraints, "must be two constraints or more")

    @classmethod
    def examples(cls) -> list[Any]:
        """One with byte automata only, and one with another part."""
        from foretell.rules.constraints.choices import Choices
        from foretell.rules.constraints.regex import Regex

        return [cls((Choices(("ab", "aba")), Choices(("ab", "b")))), cls((Regex("a{1,2}b?"), Choices(("ab", "b"))))]

    @abstractmethod
    def of_automata(self, automata: Sequence[ByteAutomaton]) -> ByteAutomaton:
        """The combined automaton of the parts' automata."""

    @abstractmethod
    def of_states(self, states: tuple[ConstraintState, ...]) -> ConstraintState:
        """The combined state before the first token. states: those of the parts there."""

    @property
    def is_bytes(self) -> bool:
        return all(map(is_byte_constraint, self.constraints))

    def automaton(self) -> ByteAutomaton:
        return self.of_automata([constraint.automaton() for constraint in self.constraints if isinstance(constraint, ByteConstraint)])

    @property
    def pieces(self) -> tuple[Constraint, ...]:
        """The parts whose states are asked token by token."""
        return self.constraints

    @property
    def can_dead_end(self) -> bool:
        return any(constraint.can_dead_end for constraint in self.constraints)

    def remember(self, vocabulary: Vocabulary) -> Any:
        if self.is_bytes:
            return super().remember(vocabulary)
        return tuple(piece.remember(vocabulary) for piece in self.pieces)

    def begin(self, memory: Any, prompt: Sequence[int] = ()) -> ConstraintState:
        if self.is_bytes:
            return super().begin(memory, prompt)
        states = tuple(piece.begin(part, prompt) for piece, part in zip(self.pieces, memory, strict=True))
        for piece, state in zip(self.pieces, states, strict=True):
            if _has_own_distribution(state):
                raise UserError(
                    f"{type(self).__name__}: constraints has {piece!r}, whose own distribution would be lost; "
                    "wrap the combination in it instead"
                )
        return self.of_states(states)


def _has_own_distribution(state: ConstraintState) -> bool:
    """Whether a state combines mask and distribution in a way of its own."""
    own, default = type(state), ConstraintState
    return own.distribution is not default.distribution or own.target_distribution is not default.target_distribution
