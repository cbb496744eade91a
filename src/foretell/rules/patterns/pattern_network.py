"""The states of a pattern with look-around: an alternating automaton.

Looking ahead is a condition on the rest of the text, so it joins the formula of what must follow. Looking behind is a condition on the
text so far: a set of states that runs along from the beginning tells whether it holds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from foretell.rules.patterns.char_set import ANY, WORD, CharSet
from foretell.rules.patterns.formulas import FALSE, TRUE, Formula, TooLargeError, both, either, literal, negated
from foretell.rules.patterns.syntax import Chars, Choice, Edge, Group, Look, Node, Repeat, Sequence

#: The most states of a network, and the most parts that are read to build it.
_MAX_STATES, _MAX_PARTS = 1500, 20_000
#: The state that accepts every rest, the one that accepts no more text, and the end of what is looked behind for.
ACCEPT, AT_END, HERE = 0, 1, 2


class _Edges(NamedTuple):
    """What leads on from a state: characters, and conditions (kind, argument, state after)."""

    chars: list[tuple[CharSet, int]]
    free: list[tuple[str, int, int]]


class Place(NamedTuple):
    """Where a text is read. is_first: nothing was read. behind: by look-behind, its states, with `HERE` among them where it holds."""

    is_first: bool
    behind: tuple[frozenset[int], ...]


@dataclass
class PatternNetwork:
    """The network of a pattern. states: their edges. starts: the first state of each look-behind. sets: all character sets."""

    states: list[_Edges] = field(default_factory=lambda: [_Edges([], []) for _ in range(3)])
    starts: list[int] = field(default_factory=list)
    sets: set[CharSet] = field(default_factory=set)
    _num_parts: int = 0
    _behind: dict[Node, int] = field(default_factory=dict)
    _known: dict[tuple[int, Place], Formula] = field(default_factory=dict)

    def state(self) -> int:
        """A new state without edges."""
        if len(self.states) >= _MAX_STATES:
            raise TooLargeError(f"a pattern has more than {_MAX_STATES} places")
        self.states.append(_Edges([], []))
        return len(self.states) - 1

    def search(self, node: Node, goal: int) -> int:
        """A state from which any text and then the node lead to `goal`."""
        start = self.state()
        self.sets.add(ANY)
        self.states[start].chars.append((ANY, start))
        self.states[start].free.append(("", 0, self.build(node, goal)))
        return start

    def build(self, node: Node, goal: int) -> int:
        """A state from which the node leads to `goal`."""
        self._num_parts += 1
        if self._num_parts > _MAX_PARTS:
            raise TooLargeError(f"a pattern repeats more than {_MAX_PARTS} parts")
        if isinstance(node, Sequence):
            for part in reversed(node.parts):
                goal = self.build(part, goal)
            return goal
        if isinstance(node, Group):
            return self.build(node.node, goal)
        if isinstance(node, Repeat):
            return self._repeat(node, goal)
        start = self.state()
        edges = self.states[start]
        if isinstance(node, Chars):
            self.sets.add(node.chars)
            edges.chars.append((node.chars, goal))
        elif isinstance(node, Choice):
            edges.free.extend(("", 0, self.build(option, goal)) for option in node.options)
        elif isinstance(node, Look) and node.ahead:
            edges.free.append(("ahead" if node.positive else "not ahead", self.build(node.node, ACCEPT), goal))
        elif isinstance(node, Look):
            edges.free.append(("behind" if node.positive else "not behind", self._look_behind(node.node), goal))
        elif isinstance(node, Edge) and node.kind in "^$":
            edges.free.append((node.kind, 0, goal))
        elif isinstance(node, Edge):
            behind, ahead = self._look_behind(Chars(WORD)), self.build(Chars(WORD), ACCEPT)
            for is_behind in (True, False):
                is_ahead = is_behind == (node.kind == "B")
                middle = self.state()
                edges.free.append(("behind" if is_behind else "not behind", behind, middle))
                self.states[middle].free.append(("ahead" if is_ahead else "not ahead", ahead, goal))
        else:
            raise TooLargeError("a pattern refers to a group, which no automaton can follow")
        return start

    def _repeat(self, node: Repeat, goal: int) -> int:
        if node.high is None:
            start = self.state()
            self.states[start].free.extend([("", 0, goal), ("", 0, self.build(node.node, start))])
        else:
            start = goal
            for _ in range(node.high - node.low):
                optional = self.state()
                self.states[optional].free.extend([("", 0, self.build(node.node, start)), ("", 0, goal)])
                start = optional
        for _ in range(node.low):
            start = self.build(node.node, start)
        return start

    def _look_behind(self, node: Node) -> int:
        if node not in self._behind:
            self._behind[node] = len(self.starts)
            self.starts.append(-1)
            self.starts[self._behind[node]] = self.search(node, HERE)
        return self._behind[node]

    def first_place(self) -> Place:
        """Before the first character."""
        return Place(True, tuple(self._with_free({start}, True) for start in self.starts))

    def place_after(self, place: Place, code: int) -> Place:
        """After one more character."""
        return Place(False, tuple(self._with_free(self._after(states, code), False) for states in place.behind))

    def _after(self, states: frozenset[int], code: int) -> set[int]:
        return {end for state in states for chars, end in self.states[state].chars if _has(chars, code)}

    def _with_free(self, states: set[int], is_first: bool) -> frozenset[int]:
        """The states and those that they lead to without a character."""
        waiting = list(states)
        while waiting:
            for kind, _, end in self.states[waiting.pop()].free:
                if kind not in ("", "^"):
                    raise TooLargeError("a pattern looks around within what it looks behind for")
                if end not in states and (kind == "" or is_first):
                    states.add(end)
                    waiting.append(end)
        return frozenset(states)

    def formula(self, state: int, place: Place, path: frozenset[int] = frozenset()) -> Formula:
        """What the rest of the text must satisfy for a state at a place."""
        if state == ACCEPT:
            return TRUE
        if state == AT_END:
            return literal(AT_END)
        if state in path:
            return FALSE  # a circle without a character adds nothing
        if (state, place) in self._known:
            return self._known[state, place]
        options = [literal(state)] if self.states[state].chars else []
        for kind, argument, end in self.states[state].free:
            if kind == "^" and not place.is_first:
                continue
            is_negated, kind = kind.startswith("not "), kind.removeprefix("not ")
            if kind == "behind" and (HERE in place.behind[argument]) == is_negated:
                continue
            rest = self.formula(end, place, path | {state})
            if kind == "$":
                rest = both(literal(AT_END), rest)
            elif kind == "ahead":
                ahead = self.formula(argument, place)
                rest = both(negated(ahead) if is_negated else ahead, rest)
            options.append(rest)
        result = either(options)
        if not path:
            self._known[state, place] = result
        return result

    def formula_after(self, formula: Formula, code: int, place: Place) -> Formula:
        """What is left of a formula after a character; `place` lies after it."""
        return either(self._clause_after(clause, code, place) for clause in formula)

    def _clause_after(self, clause: frozenset[tuple[int, bool]], code: int, place: Place) -> Formula:
        result = TRUE
        for state, is_positive in clause:
            moved = either(self.formula(end, place) for chars, end in self.states[state].chars if _has(chars, code))
            result = both(result, moved if is_positive else negated(moved))
            if result == FALSE:
                break
        return result


def _has(chars: CharSet, code: int) -> bool:
    return any(low <= code <= high for low, high in chars)


def holds_at_end(formula: Formula) -> bool:
    """Whether the text may end where this formula is left."""
    return any(all((state == AT_END) == sign for state, sign in clause) for clause in formula)
