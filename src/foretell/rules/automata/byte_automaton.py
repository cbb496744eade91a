"""Deterministic automata that read a text byte by byte."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from foretell.errors import UserError

S = TypeVar("S", bound=Hashable)

#: Most states that are told apart before an automaton is given up.
MOST_STATES = 200_000


class TooManyStatesError(UserError):
    """An automaton has more states than can be looked at."""


class NoTextError(UserError):
    """An automaton accepts no text at all."""


class ByteAutomaton(ABC):
    """A set of texts. States are hashable values; automaton and states never change. From every state that `step` gives, some text
    leads to one that `accepts`: there are no dead states. Subclasses set `start`."""

    start: Any

    @abstractmethod
    def step(self, state: Any, byte: int) -> Any | None:
        """The state after one more byte; None where no text of the set goes on so."""

    @abstractmethod
    def accepts(self, state: Any) -> bool:
        """Whether the text may end at `state`."""

    @property
    def alphabet(self) -> Iterable[int]:
        """Bytes that may occur; override where they are fewer than all."""
        return range(256)

    def edges(self, state: Any) -> Mapping[int, Any]:
        """Bytes that may follow `state`, with the states they lead to."""
        steps = ((byte, self.step(state, byte)) for byte in self.alphabet)
        return {byte: after for byte, after in steps if after is not None}

    def read(self, state: Any, data: bytes) -> Any | None:
        """The state after all of `data`; None where no text goes on so."""
        for byte in data:
            state = self.step(state, byte)
            if state is None:
                return None
        return state

    def has(self, text: bytes) -> bool:
        """Whether `text` is one of the set."""
        state = self.read(self.start, text)
        return state is not None and self.accepts(state)


@dataclass(frozen=True)
class Table(ByteAutomaton):
    """States written out: from state n, byte b leads to state `table[n][b]`. ending: states where a text may end."""

    table: tuple[Mapping[int, int], ...]
    ending: frozenset[int]
    start: int = 0

    def step(self, state: int, byte: int) -> int | None:
        return self.table[state].get(byte)

    def accepts(self, state: int) -> bool:
        return state in self.ending

    def edges(self, state: int) -> Mapping[int, int]:
        return self.table[state]

    @cached_property
    def alphabet(self) -> frozenset[int]:  # type: ignore[override]
        return frozenset(byte for row in self.table for byte in row)


def written_out(start: S, edges: Callable[[S], Mapping[int, S]], accepts: Callable[[S], bool]) -> Table:
    """The automaton with these edges, whose dead states are found and left out.

    NoTextError where nothing is accepted; TooManyStatesError beyond MOST_STATES.
    """
    numbers, states = {start: 0}, [start]
    table: list[dict[int, int]] = []
    for state in states:  # which grows: every state is met once
        row = {}
        for byte, after in edges(state).items():
            row[byte] = numbers.setdefault(after, len(states))
            if row[byte] == len(states):
                states.append(after)
        table.append(row)
        if len(states) > MOST_STATES:
            raise TooManyStatesError(f"the automaton has more than {MOST_STATES} states")
    before: list[list[int]] = [[] for _ in states]
    for number, row in enumerate(table):
        for reached in row.values():
            before[reached].append(number)
    live = {number for number, state in enumerate(states) if accepts(state)}
    found = list(live)
    for ending in found:  # backwards from where texts end
        for number in before[ending]:
            if number not in live:
                live.add(number)
                found.append(number)
    if 0 not in live:
        raise NoTextError("the automaton accepts no text")
    place = {number: i for i, number in enumerate(sorted(live))}
    kept = tuple({byte: place[after] for byte, after in table[number].items() if after in live} for number in sorted(live))
    return Table(kept, frozenset(place[number] for number in live if accepts(states[number])))
