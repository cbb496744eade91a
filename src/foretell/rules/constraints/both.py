"""`a & b`: the text obeys several constraints at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_

from foretell.decoding.constraint import Constraint, Ended, State, refuse
from foretell.decoding.token_set import TokenSet
from foretell.rules.automata.byte_automaton import ByteAutomaton
from foretell.rules.automata.combined import intersection
from foretell.rules.combination import Combination


@dataclass(frozen=True)
class Both(Combination):
    """The whole text obeys all of `constraints`; written `a & b`.

    constraints: two or more. Byte automata (`Choices`, `Integers`, `Decimals`, and combinations of them) are multiplied, and states from
    which no common text is reached are left out, so there are no dead ends. With any other part a token is allowed where all parts allow
    it, which may lead to a dead end that no part has by itself: "aab" and "abb" both allow the first a. `Regex`, `Grammar` and
    `JsonSchema` allow a single cut of text that they force, and two of them may want two cuts of one text.

    Guarantee: the model's distribution restricted step by step; exact verifiers keep it. Needs: what each token writes. Cost: token sets
    of all parts; for byte automata one product, at most 200,000 states. State: one of each part, or of the product.

    Rabin and Scott, "Finite Automata and Their Decision Problems", on the direct product. Errors: ValueError where byte automata
    have no text in common or too large a product, and for a part with a distribution of its own.

    >>> from foretell.rules.constraints.choices import Choices
    >>> from foretell.rules.constraints.integers import Integers
    >>> from foretell.models.vocabulary import Vocabulary
    >>> vocabulary = Vocabulary((b"1", b"2", b"7", None), frozenset({3}))
    >>> (Integers(0, 20) & Choices(("12", "17", "21"))).start(vocabulary).allowed().ids.tolist()
    [0]
    """

    papers = ("finite-automata",)
    symbol = "&"

    constraints: tuple[Constraint, ...] = ()

    @property
    def can_dead_end(self) -> bool:
        return not self.is_bytes

    def of_automata(self, automata: Sequence[ByteAutomaton]) -> ByteAutomaton:
        return intersection(automata)

    def of_states(self, states: tuple[State, ...]) -> State:
        return BothState(states)


class BothState(State):
    """A text as all parts see it."""

    def __init__(self, states: tuple[State, ...]) -> None:
        self.states, self.vocabulary = states, states[0].vocabulary
        self._allowed: TokenSet | None = None

    def allowed(self) -> TokenSet:
        if self._allowed is None:
            self._allowed = reduce(and_, (state.allowed() for state in self.states))
        return self._allowed

    def accepts(self, token: int) -> bool:
        return all(state.accepts(token) for state in self.states)

    def advance(self, token: int) -> State:
        if not self.accepts(token):
            raise refuse(self, token)
        after = tuple(state.advance(token) for state in self.states)
        return Ended(self.vocabulary) if token in self.vocabulary.stop_tokens else BothState(after)

    @property
    def accepting(self) -> bool:
        return all(state.accepting for state in self.states)
