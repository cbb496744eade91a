"""Deterministic automata over bytes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from foretell.errors import UserError

S = TypeVar("S", bound=Hashable)

#: `tabulated` gives up an automaton with more states.
MAX_STATES = 200_000


class TooManyStatesError(UserError):
    """An automaton has more than `MAX_STATES` states."""


class EmptyLanguageError(UserError):
    """An automaton accepts no text."""


class ByteAutomaton(ABC):
    """A deterministic automaton that reads a text byte by byte; its language is the set of texts it accepts.

    States are hashable values; automaton and states are immutable. There are no dead states: from every state that `step` returns, some
    bytes lead to an accepting state. Subclasses set `start`, the state before the first byte.
    """

    start: Any

    @abstractmethod
    def step(self, state: Any, byte: int) -> Any | None:
        """The state after one more byte (0 to 255); None if no text of the language continues so."""

    @abstractmethod
    def accepts(self, state: Any) -> bool:
        """Whether the text may end at `state`."""

    @property
    def alphabet(self) -> Iterable[int]:
        """The bytes that may occur; override this if they are fewer than all 256."""
        return range(256)

    def transitions(self, state: Any) -> Mapping[int, Any]:
        """The bytes that may follow `state`, each with the state it leads to."""
        steps = ((byte, self.step(state, byte)) for byte in self.alphabet)
        return {byte: after for byte, after in steps if after is not None}

    def read(self, state: Any, data: bytes) -> Any | None:
        """The state after all bytes of `data`; None if no text of the language continues so."""
        for byte in data:
            state = self.step(state, byte)
            if state is None:
                return None
        return state

    def matches(self, text: bytes) -> bool:
        """Whether the language has `text`."""
        state = self.read(self.start, text)
        return state is not None and self.accepts(state)


@dataclass(frozen=True)
class TableAutomaton(ByteAutomaton):
    """An automaton with numbered states: from state n, byte b leads to state `table[n][b]`. accepting: the accepting states."""

    table: tuple[Mapping[int, int], ...]
    accepting: frozenset[int]
    start: int = 0

    def step(self, state: int, byte: int) -> int | None:
        return self.table[state].get(byte)

    def accepts(self, state: int) -> bool:
        return state in self.accepting

    def transitions(self, state: int) -> Mapping[int, int]:
        return self.table[state]

    @cached_property
    def alphabet(self) -> frozenset[int]:  # type: ignore[override]
        return frozenset(byte for row in self.table for byte in row)


def tabulated(start: S, transitions: Callable[[S], Mapping[int, S]], accepts: Callable[[S], bool]) -> TableAutomaton:
    """The automaton with these transitions as a table, without its dead states.

    Errors: EmptyLanguageError if nothing is accepted; TooManyStatesError beyond `MAX_STATES` reachable states.
    """
    numbers, states = {start: 0}, [start]
    table: list[dict[int, int]] = []
    for state in states:  # grows while it is read: every reachable state comes once
        row = {}
        for byte, after in transitions(state).items():
            row[byte] = numbers.setdefault(after, len(states))
            if row[byte] == len(states):
                states.append(after)
        table.append(row)
        if len(states) > MAX_STATES:
            raise TooManyStatesError(f"the automaton has more than {MAX_STATES} states")
    predecessors: list[list[int]] = [[] for _ in states]
    for number, row in enumerate(table):
        for reached in row.values():
            predecessors[reached].append(number)
    live = {number for number, state in enumerate(states) if accepts(state)}
    queue = list(live)
    for reached in queue:  # backwards from the accepting states
        for number in predecessors[reached]:
            if number not in live:
                live.add(number)
                queue.append(number)
    if 0 not in live:
        raise EmptyLanguageError("the automaton accepts no text")
    renumbered = {number: i for i, number in enumerate(sorted(live))}
    kept = tuple({byte: renumbered[after] for byte, after in table[number].items() if after in live} for number in sorted(live))
    return TableAutomaton(kept, frozenset(renumbered[number] for number in live if accepts(states[number])))
