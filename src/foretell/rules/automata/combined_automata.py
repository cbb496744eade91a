"""Automata made of automata: the intersection, union and concatenation of their languages."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Any

from foretell.rules.automata.byte_automaton import ByteAutomaton, TableAutomaton, tabulated


def intersection(automata: Sequence[ByteAutomaton]) -> TableAutomaton:
    """The product automaton: the texts that are in all languages.

    Errors: EmptyLanguageError if there are none; TooManyStatesError if the product is too large to search for dead states.
    """

    def transitions(states: tuple[Any, ...]) -> dict[int, tuple[Any, ...]]:
        rows = [automaton.transitions(state) for automaton, state in zip(automata, states, strict=True)]
        return {byte: tuple(row[byte] for row in rows) for byte in rows[0] if all(byte in row for row in rows[1:])}

    def accepts(states: tuple[Any, ...]) -> bool:
        return all(automaton.accepts(state) for automaton, state in zip(automata, states, strict=True))

    return tabulated(tuple(automaton.start for automaton in automata), transitions, accepts)


class UnionAutomaton(ByteAutomaton):
    """The texts that are in at least one language. A state has one state of each automaton, or None where its texts differ or ended."""

    def __init__(self, automata: Sequence[ByteAutomaton]) -> None:
        self.automata = tuple(automata)
        self.start = tuple(automaton.start for automaton in self.automata)
        self._alphabet = _joint_alphabet(self.automata)

    def step(self, state: tuple[Any, ...], byte: int) -> tuple[Any, ...] | None:
        after = tuple(None if part is None else each.step(part, byte) for each, part in zip(self.automata, state, strict=True))
        return None if all(part is None for part in after) else after

    def accepts(self, state: tuple[Any, ...]) -> bool:
        return any(part is not None and each.accepts(part) for each, part in zip(self.automata, state, strict=True))

    @property
    def alphabet(self) -> frozenset[int]:
        return self._alphabet


class ConcatenationAutomaton(ByteAutomaton):
    """The texts that consist of one text of each language, in order.

    A state holds every way to split what was read, as pairs (index of the automaton, its state). So the language is exact even where the
    end of one text looks like the beginning of the next.
    """

    def __init__(self, automata: Sequence[ByteAutomaton]) -> None:
        self.automata = tuple(automata)
        self.start = self._with_next_starts([(0, self.automata[0].start)])
        self._alphabet = _joint_alphabet(self.automata)

    def _with_next_starts(self, positions: Iterable[tuple[int, Any]]) -> frozenset[tuple[int, Hashable]]:
        """These positions, and the start of the next automaton wherever a text may end."""
        reached: dict[tuple[int, Any], None] = dict.fromkeys(positions)
        queue = list(reached)
        for index, state in queue:  # grows while it is read
            if index + 1 < len(self.automata) and self.automata[index].accepts(state):
                following = (index + 1, self.automata[index + 1].start)
                if following not in reached:
                    reached[following] = None
                    queue.append(following)
        return frozenset(reached)

    def step(self, state: frozenset[tuple[int, Any]], byte: int) -> frozenset[tuple[int, Any]] | None:
        steps = ((index, self.automata[index].step(part, byte)) for index, part in state)
        return self._with_next_starts((index, after) for index, after in steps if after is not None) or None

    def accepts(self, state: frozenset[tuple[int, Any]]) -> bool:
        last = len(self.automata) - 1
        return any(index == last and self.automata[last].accepts(part) for index, part in state)

    @property
    def alphabet(self) -> frozenset[int]:
        return self._alphabet


def _joint_alphabet(automata: Iterable[ByteAutomaton]) -> frozenset[int]:
    return frozenset(byte for automaton in automata for byte in automaton.alphabet)
