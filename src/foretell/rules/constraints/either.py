"""`a | b`: the text obeys at least one of several constraints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_

from foretell.decoding.constraint import Constraint, ConstraintState, EndedState, not_allowed_error
from foretell.decoding.token_set import TokenSet
from foretell.rules.automata.byte_automaton import ByteAutomaton
from foretell.rules.automata.combined_automata import UnionAutomaton
from foretell.rules.constraints.combined_constraint import CombinedConstraint


@dataclass(frozen=True)
class Either(CombinedConstraint):
    """The whole text obeys at least one of `constraints`; written `a | b`.

    constraints: two or more, of any kind. The states of all parts that the text can still obey are kept, so the union is exact whatever
    the parts are.

    Guarantee: the model's distribution restricted step by step; exact verifiers keep it. Needs: the bytes of each token. Cost: the token
    sets of all parts that the text can still obey. State: one of each such part.

    Rabin and Scott, "Finite Automata and Their Decision Problems", on the union of sets of tapes. Errors: UserError for a part with a
    distribution of its own.

    >>> from foretell.rules.constraints.choices import Choices
    >>> from foretell.rules.constraints.regex import Regex
    >>> from foretell.models.vocabulary import Vocabulary
    >>> vocabulary = Vocabulary((b"a", b"b", b"c", None), frozenset({3}))
    >>> (Regex("ab+") | Choices(("ac",))).start(vocabulary).advance(0).allowed().ids.tolist()
    [1, 2]
    """

    papers = ("finite-automata",)
    symbol = "|"

    constraints: tuple[Constraint, ...] = ()

    def of_automata(self, automata: Sequence[ByteAutomaton]) -> ByteAutomaton:
        return UnionAutomaton(automata)

    def of_states(self, states: tuple[ConstraintState, ...]) -> ConstraintState:
        return EitherState(states)


class EitherState(ConstraintState):
    """The position of a text in the parts that it can still obey. states: one of each such part."""

    def __init__(self, states: tuple[ConstraintState, ...]) -> None:
        self.states, self.vocabulary = states, states[0].vocabulary
        self._allowed: TokenSet | None = None

    def allowed(self) -> TokenSet:
        if self._allowed is None:
            self._allowed = reduce(or_, (state.allowed() for state in self.states))
        return self._allowed

    def accepts(self, token: int) -> bool:
        return any(state.accepts(token) for state in self.states)

    def advance(self, token: int) -> ConstraintState:
        after = tuple(state.advance(token) for state in self.states if state.accepts(token))
        if not after:
            raise not_allowed_error(self, token)
        return EndedState(self.vocabulary) if token in self.vocabulary.stop_tokens else EitherState(after)

    @property
    def accepting(self) -> bool:
        return any(state.accepting for state in self.states)

    def ending(self, max_tokens: int) -> list[int] | None:
        endings = [tokens for tokens in (state.ending(max_tokens) for state in self.states) if tokens is not None]
        return min(endings, key=len, default=None)
