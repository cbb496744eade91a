"""The pattern of an automaton, found by eliminating its states one by one."""

from __future__ import annotations

from typing import TypeAlias

from foretell.rules.patterns.char_automaton import CharAutomaton
from foretell.rules.patterns.char_set import ANY, char_set
from foretell.rules.patterns.formulas import TooLargeError
from foretell.rules.patterns.syntax import BEGIN, END, NOTHING, Chars, Choice, Node, Repeat, Sequence, class_text

#: The longest pattern, in characters about.
_MAX_LENGTH = 6000
#: By identity, a pattern and about the length of its text.
_Sizes: TypeAlias = dict[int, tuple[Node, int]]


def pattern_of(automaton: CharAutomaton) -> Node:
    """A pattern that is found in exactly the texts that the automaton accepts. TooLargeError if it would be too long."""
    edges: dict[int, dict[int, Node]] = _edges(automaton)
    sizes: _Sizes = {}
    inner = set(range(len(automaton.table)))
    while inner:
        state = min(inner, key=lambda each: _weight(edges, each, sizes))
        inner.remove(state)
        loop = edges[state].pop(state, None)
        ways_on = edges.pop(state)
        for start in [each for each in edges if state in edges[each]]:
            way_in = edges[start].pop(state)
            for end, way_out in ways_on.items():
                middle = [] if loop is None else [_repeated(loop)]
                path = _in_order([way_in, *middle, way_out])
                edges[start][end] = _either(edges[start][end], path) if end in edges[start] else path
                if _size(edges[start][end], sizes) > _MAX_LENGTH:
                    raise TooLargeError(f"a pattern would be longer than {_MAX_LENGTH} characters")
    found = edges[-1].get(-2)
    return Chars(()) if found is None else _in_order([BEGIN, found, END])


def _edges(automaton: CharAutomaton) -> dict[int, dict[int, Node]]:
    """By state, the pattern of each state that follows; -1 is before the first state, -2 after all accepting ones. Without dead states."""
    alive = automaton.alive
    edges: dict[int, dict[int, Node]] = {-1: {0: NOTHING} if 0 in alive else {}}
    for state, row in enumerate(automaton.table):
        ends: dict[int, list[tuple[int, int]]] = {}
        for letter, end in zip(automaton.letters, row, strict=True):
            if end in alive and state in alive:
                ends.setdefault(end, []).extend(letter)
        edges[state] = {end: Chars(char_set(ranges)) for end, ranges in ends.items()}
        if automaton.accepting[state]:
            edges[state][-2] = NOTHING
    return edges


def _weight(edges: dict[int, dict[int, Node]], state: int, sizes: _Sizes) -> int:
    """How much longer the patterns get without the state."""
    ways_in = [_size(ends[state], sizes) for start, ends in edges.items() if state in ends and start != state]
    ways_on = [_size(node, sizes) for end, node in edges[state].items() if end != state]
    loop = _size(edges[state][state], sizes) if state in edges[state] else 0
    return sum(ways_in) * (len(ways_on) - 1) + sum(ways_on) * (len(ways_in) - 1) + loop * (len(ways_in) * len(ways_on) - 1)


def _size(node: Node, known: _Sizes) -> int:
    """About the length of a pattern's text."""
    if id(node) not in known:
        if isinstance(node, Chars):
            size = len(class_text(node.chars))
        elif isinstance(node, Sequence | Choice):
            parts = node.parts if isinstance(node, Sequence) else node.options
            size = sum(_size(part, known) for part in parts) + 4
        else:
            size = _size(node.node, known) + 5 if isinstance(node, Repeat) else 1
        known[id(node)] = node, size
    return known[id(node)][1]


def _repeated(node: Node) -> Node:
    """The node any number of times."""
    if isinstance(node, Choice):
        node = Choice(tuple(option for option in node.options if option != NOTHING))
        node = node.options[0] if len(node.options) == 1 else node
    return node if isinstance(node, Repeat) and (node.low, node.high) == (0, None) else Repeat(node, 0, None)


def _in_order(parts: list[Node]) -> Node:
    flat = [each for part in parts for each in (part.parts if isinstance(part, Sequence) else (part,))]
    return flat[0] if len(flat) == 1 else Sequence(tuple(flat))


def _either(one: Node, other: Node) -> Node:
    """One of both, with single characters joined."""
    options = [each for node in (one, other) for each in (node.options if isinstance(node, Choice) else (node,))]
    chars = char_set(part for option in options if isinstance(option, Chars) for part in option.chars)
    rest = [option for option in dict.fromkeys(options) if not isinstance(option, Chars)]
    if any(isinstance(option, Repeat) and option == Repeat(Chars(ANY), 0, None) for option in rest):
        return Repeat(Chars(ANY), 0, None)
    kept = [*([Chars(chars)] if chars else []), *rest]
    if NOTHING in kept:
        kept.remove(NOTHING)
        return Repeat(kept[0] if len(kept) == 1 else Choice(tuple(kept)), 0, 1)
    return kept[0] if len(kept) == 1 else Choice(tuple(kept))
