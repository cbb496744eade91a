"""Automata made of automata: the union, intersection and concatenation of their sets of texts."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Any

from foretell.rules.automata.byte_automaton import ByteAutomaton, Table, written_out


def intersection(automata: Sequence[ByteAutomaton]) -> Table:
    """The texts that are in all sets. NoTextError where there is none; TooManyStatesError where the product is too large to be
    searched for dead states."""

    def edges(states: tuple[Any, ...]) -> dict[int, tuple[Any, ...]]:
        rows = [automaton.edges(state) for automaton, state in zip(automata, states, strict=True)]
        return {byte: tuple(row[byte] for row in rows) for byte in rows[0] if all(byte in row for row in rows[1:])}

    def accepts(states: tuple[Any, ...]) -> bool:
        return all(automaton.accepts(state) for automaton, state in zip(automata, states, strict=True))

    return written_out(tuple(automaton.start for automaton in automata), edges, accepts)


class Alternatives(ByteAutomaton):
    """The texts that are in at least one set. A state holds one of each automaton, None where its texts have ended or gone another way."""

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


class Joined(ByteAutomaton):
    """The texts that consist of one of each set, in turn. A state holds all ways to divide what was read: (which automaton, its
    state). So it is exact where one text's end and the next one's beginning look alike."""

    def __init__(self, automata: Sequence[ByteAutomaton]) -> None:
        self.automata = tuple(automata)
        self.start = self._with_ends([(0, self.automata[0].start)])
        self._alphabet = _joint_alphabet(self.automata)

    def _with_ends(self, places: Iterable[tuple[int, Any]]) -> frozenset[tuple[int, Hashable]]:
        """These, and the next automaton's start wherever a text may end."""
        found: dict[tuple[int, Any], None] = dict.fromkeys(places)
        queue = list(found)
        for which, state in queue:  # which grows
            if which + 1 < len(self.automata) and self.automata[which].accepts(state):
                place = (which + 1, self.automata[which + 1].start)
                if place not in found:
                    found[place] = None
                    queue.append(place)
        return frozenset(found)

    def step(self, state: frozenset[tuple[int, Any]], byte: int) -> frozenset[tuple[int, Any]] | None:
        steps = ((which, self.automata[which].step(part, byte)) for which, part in state)
        return self._with_ends((which, after) for which, after in steps if after is not None) or None

    def accepts(self, state: frozenset[tuple[int, Any]]) -> bool:
        last = len(self.automata) - 1
        return any(which == last and self.automata[last].accepts(part) for which, part in state)

    @property
    def alphabet(self) -> frozenset[int]:
        return self._alphabet


def _joint_alphabet(automata: Iterable[ByteAutomaton]) -> frozenset[int]:
    return frozenset(byte for automaton in automata for byte in automaton.alphabet)
