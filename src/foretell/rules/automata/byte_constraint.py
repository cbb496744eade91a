"""Constraints that are byte automata."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from foretell.decoding.constraint import Constraint, State
from foretell.errors import UserError
from foretell.models.vocabulary import Vocabulary
from foretell.rules.automata.byte_automaton import ByteAutomaton
from foretell.rules.automata.byte_state import ByteMemory, ByteState


class ByteConstraint(Constraint):
    """Abstract: subclasses add `automaton`. Combined with others of its kind it is one byte automaton with them."""

    @property
    def is_bytes(self) -> bool:
        """Whether `automaton` can be asked: a combination is one only where all its parts are."""
        return True

    @abstractmethod
    def automaton(self) -> ByteAutomaton:
        """The texts that obey the rule. ValueError where there are none."""

    def remember(self, vocabulary: Vocabulary) -> Any:
        try:
            return ByteMemory(self.automaton(), vocabulary)
        except ValueError as error:
            raise UserError(f"{type(self).__name__}: {error}") from error

    def begin(self, memory: Any, prompt: Sequence[int] = ()) -> State:
        return ByteState(memory, memory.automaton.start)


def is_bytes(constraint: Constraint) -> bool:
    """Whether a constraint is a byte automaton."""
    return isinstance(constraint, ByteConstraint) and constraint.is_bytes
