"""`a + b`: a text of one constraint, then a text of the next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import groupby
from operator import or_

from foretell.decoding.constraint import Constraint, ConstraintState, EndedState, not_allowed_error
from foretell.decoding.token_set import TokenSet
from foretell.rules.automata.byte_automaton import ByteAutomaton
from foretell.rules.automata.byte_constraint import is_byte_constraint
from foretell.rules.automata.combined_automata import ConcatenationAutomaton
from foretell.rules.constraints.combined_constraint import CombinedConstraint

#: (index of a part, the text's state in it).
_PartState = tuple[int, ConstraintState]


@dataclass(frozen=True)
class Concatenation(CombinedConstraint):
    """The text is one that obeys the first of `constraints`, then one that obeys the second, and so on; written `a + b`.

    constraints: two or more. `Choices(("x = ",))` is a literal in front or behind. All ways to split the text are kept, so the language is
    exact where the end of one text looks like the beginning of the next. Neighbouring byte automata (`Choices`, `Integers`, `Decimals`,
    and combinations of them) are joined byte by byte, so a token may cross the boundary between them. Next to any other part the same
    texts can be generated, but no token crosses the boundary, since such a part takes whole tokens only.

    Guarantee: the model's distribution restricted step by step, over the tokenizations just described; exact verifiers keep it. Needs: the
    bytes of each token. Cost: the token sets of all ways to split the text, mostly one. State: one of a part for each way.

    Rabin and Scott, "Finite Automata and Their Decision Problems", on products of sets of tapes. Errors: UserError for a part with a
    distribution of its own.

    >>> from foretell.rules.constraints.choices import Choices
    >>> from foretell.rules.constraints.integers import Integers
    >>> from foretell.models.vocabulary import Vocabulary
    >>> vocabulary = Vocabulary((b"a", b"a1", b"1", b"0", None), frozenset({4}))
    >>> (Choices(("a", "aa")) + Integers(1, 10)).start(vocabulary).advance(0).allowed().ids.tolist()
    [0, 1, 2]
    """

    papers = ("finite-automata",)
    symbol = "+"

    constraints: tuple[Constraint, ...] = ()

    def of_automata(self, automata: Sequence[ByteAutomaton]) -> ByteAutomaton:
        return ConcatenationAutomaton(automata)

    def of_states(self, states: tuple[ConstraintState, ...]) -> ConstraintState:
        return ConcatenationState.of([(0, states[0])], states)

    @property
    def pieces(self) -> tuple[Constraint, ...]:
        """The parts, with neighbouring byte automata joined into one."""
        runs = [(are_bytes, tuple(run)) for are_bytes, run in groupby(self.constraints, is_byte_constraint)]
        return tuple(piece for are_bytes, run in runs for piece in ([Concatenation(run)] if are_bytes and len(run) > 1 else run))


class ConcatenationState(ConstraintState):
    """The position of a text for each way to split it.

    part_states: (index of a part, the text's state in it) for each way. starts: the parts' states before their texts.
    """

    def __init__(self, part_states: Sequence[_PartState], starts: tuple[ConstraintState, ...]) -> None:
        self.part_states, self.starts, self.vocabulary = part_states, starts, starts[0].vocabulary
        self._allowed: TokenSet | None = None

    @classmethod
    def of(cls, part_states: Iterable[_PartState], starts: tuple[ConstraintState, ...]) -> ConcatenationState:
        """The state with these part states, and the start of the next part wherever a part's text may end."""
        closure = list(dict.fromkeys(part_states))
        for part, state in closure:  # grows while it is read
            if part + 1 < len(starts) and state.accepting and (part + 1, starts[part + 1]) not in closure:
                closure.append((part + 1, starts[part + 1]))
        return cls(closure, starts)

    def allowed(self) -> TokenSet:
        if self._allowed is None:
            stops = TokenSet.of(self.vocabulary.stop_tokens, self.vocabulary.size)
            continuing = reduce(or_, (state.allowed() for _, state in self.part_states)) - stops
            self._allowed = continuing | stops if self.accepting else continuing
        return self._allowed

    def accepts(self, token: int) -> bool:
        if token in self.vocabulary.stop_tokens:
            return self.accepting
        return any(state.accepts(token) for _, state in self.part_states)

    def advance(self, token: int) -> ConstraintState:
        if not self.accepts(token):
            raise not_allowed_error(self, token)
        if token in self.vocabulary.stop_tokens:
            return EndedState(self.vocabulary)
        return self.of([(part, state.advance(token)) for part, state in self.part_states if state.accepts(token)], self.starts)

    @property
    def accepting(self) -> bool:
        return any(part + 1 == len(self.starts) and state.accepting for part, state in self.part_states)
