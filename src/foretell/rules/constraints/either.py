"""`a | b`: the text obeys at least one of several constraints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_

from foretell.decoding.constraint import Constraint, Ended, State, refuse
from foretell.decoding.token_set import TokenSet
from foretell.rules.automata.byte_automaton import ByteAutomaton
from foretell.rules.automata.combined import Alternatives
from foretell.rules.combination import Combination


@dataclass(frozen=True)
class Either(Combination):
    """The whole text obeys one of `constraints`, or more; written `a | b`.

    constraints: two or more, of any kind. All that the text may still obey are kept alive, each with its own state, so the union is
    exact whatever the parts are: nothing is decided before the text decides it.

    Guarantee: the model's distribution restricted step by step; exact verifiers keep it. Needs: what each token writes. Cost: token sets
    of all parts that are alive. State: one of each part that is alive.

    Rabin and Scott, "Finite Automata and Their Decision Problems", on the union of sets of tapes. Errors: ValueError for a part with
    a distribution of its own.

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
        return Alternatives(automata)

    def of_states(self, states: tuple[State, ...]) -> State:
        return EitherState(states)


class EitherState(State):
    """A text as the parts see it that it may still obey."""

    def __init__(self, states: tuple[State, ...]) -> None:
        self.states, self.vocabulary = states, states[0].vocabulary
        self._allowed: TokenSet | None = None

    def allowed(self) -> TokenSet:
        if self._allowed is None:
            self._allowed = reduce(or_, (state.allowed() for state in self.states))
        return self._allowed

    def accepts(self, token: int) -> bool:
        return any(state.accepts(token) for state in self.states)

    def advance(self, token: int) -> State:
        after = tuple(state.advance(token) for state in self.states if state.accepts(token))
        if not after:
            raise refuse(self, token)
        return Ended(self.vocabulary) if token in self.vocabulary.stop_tokens else EitherState(after)

    @property
    def accepting(self) -> bool:
        return any(state.accepting for state in self.states)
