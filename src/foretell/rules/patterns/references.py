"""References to groups that match few words, written out."""

from __future__ import annotations

from collections.abc import Iterator

from foretell.rules.patterns.formulas import TooLargeError
from foretell.rules.patterns.syntax import Chars, Choice, Group, Look, Node, Reference, Repeat, Sequence

#: The most words that a group may match.
_MAX_WORDS = 200


def without_references(node: Node) -> Node:
    """The same pattern with each word of a group in place of the group and of the references to it. TooLargeError for a group with many
    words, and where it depends on the way through the pattern what a group matched last."""
    numbers = sorted({each.number for each in _nodes(node) if isinstance(each, Reference)})
    for number in numbers:
        node = _written_out(node, number)
    return node


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    for each in _inner(node):
        yield from _nodes(each)


def _inner(node: Node) -> tuple[Node, ...]:
    if isinstance(node, Sequence | Choice):
        return node.parts if isinstance(node, Sequence) else node.options
    return (node.node,) if isinstance(node, Repeat | Group | Look) else ()


def _refers(node: Node, number: int) -> bool:
    return any(isinstance(each, Reference) and each.number == number for each in _nodes(node))


def _has_group(node: Node, number: int) -> bool:
    return any(isinstance(each, Group) and each.number == number for each in _nodes(node))


def _written_out(node: Node, number: int) -> Node:
    """The node without references to one group, which lies in the node too if they do."""
    if not _refers(node, number):
        return node
    if isinstance(node, Choice):
        return Choice(tuple(_written_out(option, number) for option in node.options))
    if isinstance(node, Repeat):
        return Repeat(_written_out(node.node, number), node.low, node.high)
    if isinstance(node, Look):
        return Look(_written_out(node.node, number), node.ahead, node.positive)
    if isinstance(node, Group) and node.number != number:
        return Group(_written_out(node.node, number), node.number)
    if isinstance(node, Sequence):
        with_group = [i for i, part in enumerate(node.parts) if _has_group(part, number)]
        referring = [i for i, part in enumerate(node.parts) if _refers(part, number)]
        if len(with_group) == 1 and with_group == referring:
            at = with_group[0]
            return Sequence((*node.parts[:at], _written_out(node.parts[at], number), *node.parts[at + 1 :]))
        if len(with_group) == 1 and with_group[0] < referring[0]:
            words = _words(_group(node.parts[with_group[0]], number).node)
            return Choice(tuple(_with_word(node, number, word) for word in words))
    raise TooLargeError("a reference leads to a group that need not have matched")


def _group(node: Node, number: int) -> Group:
    """The group within a node that always passes through it once."""
    if isinstance(node, Group) and node.number == number:
        return node
    if isinstance(node, Group | Sequence):
        return next(_group(part, number) for part in _inner(node) if _has_group(part, number))
    raise TooLargeError("a reference leads to a group that is optional or repeated")


def _with_word(node: Node, number: int, word: tuple[Node, ...]) -> Node:
    """The node with a word in place of the group and its references."""
    if isinstance(node, Group | Reference) and node.number == number:
        return Sequence(word)
    if isinstance(node, Sequence):
        return Sequence(tuple(_with_word(part, number, word) for part in node.parts))
    if isinstance(node, Choice):
        return Choice(tuple(_with_word(option, number, word) for option in node.options))
    if isinstance(node, Repeat):
        return Repeat(_with_word(node.node, number, word), node.low, node.high)
    if isinstance(node, Look):
        return Look(_with_word(node.node, number, word), node.ahead, node.positive)
    return Group(_with_word(node.node, number, word), node.number) if isinstance(node, Group) else node


def _words(node: Node) -> list[tuple[Node, ...]]:
    """All words that a node matches, as sequences of single characters."""
    words: list[tuple[Node, ...]]
    if isinstance(node, Chars):
        if sum(high - low + 1 for low, high in node.chars) > _MAX_WORDS:
            raise TooLargeError("a reference leads to a group that matches many words")
        words = [(Chars(((code, code),)),) for low, high in node.chars for code in range(low, high + 1)]
    elif isinstance(node, Sequence):
        words = [()]
        for part in node.parts:
            words = _joined(words, _words(part))
    elif isinstance(node, Choice):
        words = [word for option in node.options for word in _words(option)]
    elif isinstance(node, Group):
        words = _words(node.node)
    elif isinstance(node, Repeat) and node.high is not None:
        inner = _words(node.node)
        times: list[tuple[Node, ...]] = [()]
        words = []
        for num in range(node.high + 1):
            words += times if num >= node.low else []
            times = _joined(times, inner) if num < node.high else times
    else:
        raise TooLargeError("a reference leads to a group that matches many words")
    words = list(dict.fromkeys(words))
    if len(words) > _MAX_WORDS:
        raise TooLargeError("a reference leads to a group that matches many words")
    return words


def _joined(words: list[tuple[Node, ...]], endings: list[tuple[Node, ...]]) -> list[tuple[Node, ...]]:
    if len(words) * len(endings) > _MAX_WORDS:
        raise TooLargeError("a reference leads to a group that matches many words")
    return [word + ending for word in words for ending in endings]
