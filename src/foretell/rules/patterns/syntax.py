"""Regular expressions as trees, and their text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from foretell.rules.patterns.char_set import ANY, CharSet, char_set, complement, contains


class Node:
    """A regular expression."""


@dataclass(frozen=True)
class Chars(Node):
    """One character of a set."""

    chars: CharSet


@dataclass(frozen=True)
class Sequence(Node):
    """All parts, in order."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Choice(Node):
    """One of the options; nothing, if there are none."""

    options: tuple[Node, ...]


@dataclass(frozen=True)
class Repeat(Node):
    """`low` to `high` times the node; None: without bound."""

    node: Node
    low: int
    high: int | None


@dataclass(frozen=True)
class Group(Node):
    """A group that a reference may name by its number."""

    node: Node
    number: int


@dataclass(frozen=True)
class Reference(Node):
    """What the group with this number matched."""

    number: int


@dataclass(frozen=True)
class Look(Node):
    """A condition at a place: `node` does (or does not, unless `positive`) match what comes next, or before unless `ahead`."""

    node: Node
    ahead: bool
    positive: bool


@dataclass(frozen=True)
class Edge(Node):
    """The beginning of the text (`^`), its end (`$`), a word boundary (`b`), or none (`B`)."""

    kind: str


NOTHING = Sequence(())
ANYTHING = Repeat(Chars(ANY), 0, None)
BEGIN, END = Edge("^"), Edge("$")

_NAMED = {r"[0-9]": ((48, 57),), r"[\s\S]": ANY}
_SHORT = {chars: text for text, chars in _NAMED.items()}


def engine_text(node: Node, in_json: bool = True) -> str:
    """The pattern in a syntax that ECMA 262 (with its flag `u`) and the engine read alike. What the engine lacks stays as it is.

    in_json: the engine reads the pattern as that of a JSON string. Then classes of all control characters without the quote or the
    backslash lose the character NUL: llguidance 1.9.1 allows every escape of JSON for such a class, also those of the two.
    """
    edges = {"^": "^", "$": "$", "b": r"\b", "B": r"\B", "": r"[^\s\S]"}
    return _text(node, edges, _quotable if in_json else lambda chars: chars)


def python_text(node: Node) -> str:
    """The pattern in the syntax of the `regex` package."""
    words = r"[0-9A-Za-z_]"
    at_word, off_word = rf"(?:(?<={words})(?!{words})|(?<!{words})(?={words}))", rf"(?:(?<={words})(?={words})|(?<!{words})(?!{words}))"
    return _text(node, {"^": r"\A", "$": r"\Z", "b": at_word, "B": off_word, "": "(?!)"})


def _quotable(chars: CharSet) -> CharSet:
    has_controls = any(low == 0 and high >= 0x1F for low, high in chars)
    lacks_escaped = not (contains(chars, ord('"')) and contains(chars, ord("\\")))
    return complement(char_set([(0, 0), *complement(chars)])) if has_controls and lacks_escaped else chars


def _text(node: Node, edges: dict[str, str], changed: Callable[[CharSet], CharSet] = lambda chars: chars) -> str:
    """edges: the texts of edges by their kind, and of no character at all. changed: what is written in place of a class."""

    def write(node: Node) -> str:
        if isinstance(node, Chars):
            return class_text(changed(node.chars)) if node.chars else edges[""]
        if isinstance(node, Sequence):
            return "".join(f"(?:{write(part)})" if isinstance(part, Choice) else write(part) for part in node.parts)
        if isinstance(node, Choice):
            return "|".join(map(write, node.options)) if node.options else edges[""]
        if isinstance(node, Repeat):
            inner = write(node.node)
            return (inner if isinstance(node.node, Chars | Group | Reference) else f"(?:{inner})") + _times(node.low, node.high)
        if isinstance(node, Group):
            return f"({write(node.node)})"
        if isinstance(node, Reference):
            return rf"(?:\{node.number})"
        if isinstance(node, Look):
            return f"(?{'' if node.ahead else '<'}{'=' if node.positive else '!'}{write(node.node)})"
        assert isinstance(node, Edge)
        return edges[node.kind]

    return write(node)


def _times(low: int, high: int | None) -> str:
    if (low, high) in ((0, None), (1, None), (0, 1)):
        return {(0, None): "*", (1, None): "+", (0, 1): "?"}[low, high]
    return f"{{{low}}}" if low == high else f"{{{low},{'' if high is None else high}}}"


def class_text(chars: CharSet) -> str:
    """One character of a set as text."""
    if chars in _SHORT:
        return _SHORT[chars]
    if len(chars) == 1 and chars[0][0] == chars[0][1]:
        return _char_text(chars[0][0])
    others = complement(chars)
    if len(others) < len(chars):
        return f"[^{_ranges_text(others)}]"
    return f"[{_ranges_text(chars)}]"


def _ranges_text(chars: CharSet) -> str:
    return "".join(
        _char_text(low) + ("" if low == high else _char_text(high) if high == low + 1 else f"-{_char_text(high)}") for low, high in chars
    )


def _char_text(code: int) -> str:
    """A character, escaped unless it is a letter, a digit or beyond Latin-1."""
    char = chr(code)
    return char if code > 0xFF or (char.isascii() and char.isalnum()) else rf"\x{code:02x}"
