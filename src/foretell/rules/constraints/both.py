"""`a & b`: the text obeys several constraints at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_

from foretell.decoding.constraint import Constraint, ConstraintState, EndedState, not_allowed_error
from foretell.decoding.ending import follows
from foretell.decoding.token_set import TokenSet
from foretell.rules.automata.byte_automaton import ByteAutomaton
from foretell.rules.automata.combined_automata import intersection
from foretell.rules.constraints.combined_constraint import CombinedConstraint


@dataclass(frozen=True)
class Both(CombinedConstraint):
    """The whole text obeys all of `constraints`; written `a & b`.

    constraints: two or more. Byte automata (`Choices`, `Integers`, `Decimals`, and combinations of them) are multiplied and dead states
    of the product are removed, so there are no dead ends. With any other part, a token is allowed if all parts allow it. This can lead to
    a dead end that no part has by itself: both "aab" and "abb" allow an "a" first. `Regex`, `Grammar` and `JsonSchema` allow one
    tokenization of forced text only, and two of them may require different tokenizations of the same text.

    Guarantee: the model's distribution restricted step by step; exact verifiers keep it. Needs: the bytes of each token. Cost: the token
    sets of all parts; for byte automata one product of at most 200,000 states. State: one of each part, or of the product.

    Rabin and Scott, "Finite Automata and Their Decision Problems", on the direct product. Errors: UserError if byte automata have no
    text in common or too large a product, and for a part with a distribution of its own.

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

    def of_states(self, states: tuple[ConstraintState, ...]) -> ConstraintState:
        return BothState(states)


class BothState(ConstraintState):
    """The position of a text in all parts. states: one of each part."""

    def __init__(self, states: tuple[ConstraintState, ...]) -> None:
        self.states, self.vocabulary = states, states[0].vocabulary
        self._allowed: TokenSet | None = None

    def allowed(self) -> TokenSet:
        if self._allowed is None:
            self._allowed = reduce(and_, (state.allowed() for state in self.states))
        return self._allowed

    def accepts(self, token: int) -> bool:
        return all(state.accepts(token) for state in self.states)

    def advance(self, token: int) -> ConstraintState:
        if not self.accepts(token):
            raise not_allowed_error(self, token)
        after = tuple(state.advance(token) for state in self.states)
        return EndedState(self.vocabulary) if token in self.vocabulary.stop_tokens else BothState(after)

    @property
    def accepting(self) -> bool:
        return all(state.accepting for state in self.states)

    def ending(self, max_tokens: int) -> list[int] | None:
        endings = (state.ending(max_tokens) for state in self.states)
        shared = (tokens for tokens in endings if tokens is not None and follows(self, tokens))
        return next(shared, None) or super().ending(max_tokens)
