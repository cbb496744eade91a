"""`a + b`: one constraint's text, then the next one's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import groupby
from operator import or_

from foretell.decoding.constraint import Constraint, Ended, State, refuse
from foretell.decoding.token_set import TokenSet
from foretell.rules.automata.byte_automaton import ByteAutomaton
from foretell.rules.automata.byte_constraint import is_bytes
from foretell.rules.automata.combined import Joined
from foretell.rules.combination import Combination

#: The number of a part, and where the text stands in it.
Place = tuple[int, State]


@dataclass(frozen=True)
class Concatenation(Combination):
    """The text is one that obeys the first of `constraints`, then one that obeys the second, and so on; written `a + b`.

    constraints: two or more. `Choices(("x = ",))` is a literal in front or behind. All ways to divide the text are kept alive, so it is
    exact where one text's end and the next one's beginning look alike. Neighbours that are byte automata (`Choices`, `Integers`,
    `Decimals`, and combinations of them) are joined byte by byte: a token may stand across the joint. Next to any other part the same
    texts can be written, but no token stands across the joint, since such a part can be asked about whole tokens only.

    Guarantee: the model's distribution restricted step by step, over the ways to spell that were just described; exact verifiers keep it.
    Needs: what each token writes. Cost: token sets of all ways to divide that are alive, most often one. State: one of a part for each way.

    Rabin and Scott, "Finite Automata and Their Decision Problems", on products of sets of tapes. Errors: ValueError for a part with a
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
        return Joined(automata)

    def of_states(self, states: tuple[State, ...]) -> State:
        return ConcatenationState.of([(0, states[0])], states)

    @property
    def pieces(self) -> tuple[Constraint, ...]:
        """Neighbours that are byte automata are one."""
        runs = [(joint, tuple(run)) for joint, run in groupby(self.constraints, is_bytes)]
        return tuple(piece for joint, run in runs for piece in ([Concatenation(run)] if joint and len(run) > 1 else run))


class ConcatenationState(State):
    """A text and all ways to divide it. starts: the parts' states before their texts."""

    def __init__(self, places: Sequence[Place], starts: tuple[State, ...]) -> None:
        self.places, self.starts, self.vocabulary = places, starts, starts[0].vocabulary
        self._allowed: TokenSet | None = None

    @classmethod
    def of(cls, places: Iterable[Place], starts: tuple[State, ...]) -> ConcatenationState:
        """With these places, and the next part's start wherever a part's text may end."""
        found = list(dict.fromkeys(places))
        for part, state in found:  # which grows
            if part + 1 < len(starts) and state.accepting and (part + 1, starts[part + 1]) not in found:
                found.append((part + 1, starts[part + 1]))
        return cls(found, starts)

    def allowed(self) -> TokenSet:
        if self._allowed is None:
            stops = TokenSet.of(self.vocabulary.stop_tokens, self.vocabulary.size)
            going_on = reduce(or_, (state.allowed() for _, state in self.places)) - stops
            self._allowed = going_on | stops if self.accepting else going_on
        return self._allowed

    def accepts(self, token: int) -> bool:
        if token in self.vocabulary.stop_tokens:
            return self.accepting
        return any(state.accepts(token) for _, state in self.places)

    def advance(self, token: int) -> State:
        if not self.accepts(token):
            raise refuse(self, token)
        if token in self.vocabulary.stop_tokens:
            return Ended(self.vocabulary)
        return self.of([(part, state.advance(token)) for part, state in self.places if state.accepts(token)], self.starts)

    @property
    def accepting(self) -> bool:
        return any(part + 1 == len(self.starts) and state.accepting for part, state in self.places)
