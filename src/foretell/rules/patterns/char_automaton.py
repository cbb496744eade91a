"""Deterministic automata over characters: of patterns with look-around, their complements and intersections."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TypeVar

from foretell.rules.patterns.char_set import CharSet, atoms, char_set
from foretell.rules.patterns.formulas import TooLargeError
from foretell.rules.patterns.pattern_network import ACCEPT, PatternNetwork, holds_at_end
from foretell.rules.patterns.syntax import Node

S = TypeVar("S", bound=Hashable)

#: The most states of an automaton, and the most kinds of characters times states.
MAX_STATES, _MAX_EDGES = 600, 30_000


@dataclass(frozen=True, eq=False)
class CharAutomaton:
    """letters: a partition of all characters. table: by state, the next state by letter. accepting: by state, whether a text may end
    there. State 0 is the first. Every state has an edge for every letter."""

    letters: tuple[CharSet, ...]
    table: tuple[tuple[int, ...], ...]
    accepting: tuple[bool, ...]

    def complement(self) -> CharAutomaton:
        """The automaton of all other texts."""
        return CharAutomaton(self.letters, self.table, tuple(not each for each in self.accepting))

    def matches(self, text: str) -> bool:
        """Whether the automaton accepts a text."""
        return self.accepting[self.after(0, text)]

    def after(self, state: int, text: str) -> int:
        """The state after more text."""
        for char in text:
            state = self.table[state][_letter(self, ord(char))]
        return state

    @cached_property
    def alive(self) -> frozenset[int]:
        """The states from which some text is accepted."""
        alive = {state for state, is_accepting in enumerate(self.accepting) if is_accepting}
        for _ in self.table:
            before = len(alive)
            alive |= {state for state, row in enumerate(self.table) if alive.intersection(row)}
            if len(alive) == before:
                break
        return frozenset(alive)


@lru_cache(512)
def automaton_of(node: Node) -> CharAutomaton:
    """The automaton of the texts in which the pattern is found. TooLargeError if it is too large, or the pattern refers to groups."""
    network = PatternNetwork()
    try:
        start = network.search(node, ACCEPT)
        place = network.first_place()
        first = (place, network.formula(start, place))
        letters = tuple(atoms(network.sets))

        def after(state: tuple, letter: CharSet) -> tuple:  # type: ignore[type-arg]
            code = letter[0][0]
            place = network.place_after(state[0], code)
            return place, network.formula_after(state[1], code, place)

        return _tabulated(first, letters, after, lambda state: holds_at_end(state[1]))
    except RecursionError:
        raise TooLargeError("a pattern is nested too deeply") from None


def intersection(one: CharAutomaton, other: CharAutomaton) -> CharAutomaton:
    """The automaton of the texts that both accept."""
    letters = tuple(atoms([*one.letters, *other.letters]))
    index = {letter: tuple(_letter(each, letter[0][0]) for each in (one, other)) for letter in letters}

    def after(states: tuple[int, int], letter: CharSet) -> tuple[int, int]:
        first, second = index[letter]
        return one.table[states[0]][first], other.table[states[1]][second]

    return _tabulated((0, 0), letters, after, lambda states: one.accepting[states[0]] and other.accepting[states[1]])


@lru_cache(8192)
def _letter(automaton: CharAutomaton, code: int) -> int:
    return next(i for i, chars in enumerate(automaton.letters) if any(low <= code <= high for low, high in chars))


def _tabulated(first: S, letters: tuple[CharSet, ...], after: Callable[[S, CharSet], S], accepts: Callable[[S], bool]) -> CharAutomaton:
    """The smallest automaton with these transitions."""
    numbers, queue, table = {first: 0}, [first], []
    for state in queue:  # grows while it is read
        row = []
        for letter in letters:
            end = after(state, letter)
            if end not in numbers:
                numbers[end] = len(queue)
                queue.append(end)
            row.append(numbers[end])
        table.append(tuple(row))
        if len(queue) > MAX_STATES or len(queue) * len(letters) > _MAX_EDGES:
            raise TooLargeError(f"an automaton has more than {MAX_STATES} states")
    return _smallest(CharAutomaton(letters, tuple(table), tuple(map(accepts, queue))))


def _smallest(automaton: CharAutomaton) -> CharAutomaton:
    """With states that accept the same texts joined, and letters that lead to the same states."""
    table, classes = automaton.table, [int(each) for each in automaton.accepting]
    while True:
        signatures = [(classes[state], *(classes[end] for end in row)) for state, row in enumerate(table)]
        numbers = {signature: i for i, signature in enumerate(dict.fromkeys(signatures))}  # state 0 stays the first
        refined = [numbers[signature] for signature in signatures]
        if len(set(refined)) == len(set(classes)):
            break
        classes = refined
    classes = refined
    of_class = {kind: state for state, kind in reversed(list(enumerate(classes)))}
    rows = [tuple(classes[end] for end in table[of_class[kind]]) for kind in range(len(of_class))]
    columns: dict[tuple[int, ...], list[tuple[int, int]]] = {}
    for letter, column in zip(automaton.letters, zip(*rows, strict=True), strict=True):
        columns.setdefault(column, []).extend(letter)
    accepting = tuple(automaton.accepting[of_class[kind]] for kind in range(len(of_class)))
    return CharAutomaton(tuple(map(char_set, columns.values())), tuple(zip(*columns, strict=True)), accepting)
