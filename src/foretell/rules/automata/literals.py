"""A set of literal strings as an automaton over bytes: one of them, whole, and then something that cannot belong to it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from foretell.decoding.token_set import TokenSet
from foretell.models.vocabulary import Vocabulary
from foretell.rules.automata.trie import ByteTrie


class Literals:
    """words: the strings. breaks: bytes of which one must follow a word, before anything may; a text may also end there.

    Words that no tokens can spell are left out, and so are tokens behind which no word can be spelt to its end.

    >>> vocabulary = Vocabulary((b"a", b"b", b"ab", b"a(", b"c", None), frozenset({5}))
    >>> literals = Literals([b"a", b"abb", b"d"], b"(", vocabulary)
    >>> literals.root.allowed.ids.tolist(), literals.root.after(b"a").allowed.ids.tolist()
    ([0, 2, 3], [1, 5])
    """

    def __init__(self, words: Iterable[bytes], breaks: bytes, vocabulary: Vocabulary) -> None:
        self.breaks, self.vocabulary = frozenset(breaks), vocabulary
        self.beyond = LiteralNode(self)
        self.root = LiteralNode(self)
        words = list(words)
        pieces = _pieces(vocabulary)
        self.complete = all(bytes([byte]) in pieces for byte in set(b"".join(words)))  # then all can be spelt, from anywhere
        for word in words:
            good = [True] * (len(word) + 1) if self.complete else _spelt(word, pieces)
            if good[0]:
                self._add(word, good)

    def __bool__(self) -> bool:
        """Whether there is a word that can be spelt."""
        return bool(self.root.children)

    def _add(self, word: bytes, good: list[bool]) -> None:
        node = self.root
        node.spelt = True
        for byte, spelt in zip(word, good[1:], strict=True):
            node = node.children.setdefault(byte, LiteralNode(self))
            node.spelt |= spelt
        node.end = True


class LiteralNode:
    """A beginning of some words. end: whether it is one itself. spelt: whether tokens can go on from here to a word's end.
    `Literals.beyond` is the place of all that comes after a word."""

    __slots__ = ("__dict__", "children", "end", "literals", "spelt")

    def __init__(self, literals: Literals) -> None:
        self.literals = literals
        self.children: dict[int, LiteralNode] = {}
        self.end = self.spelt = False

    def walk(self, data: bytes, start: int = 0) -> tuple[LiteralNode, int]:
        """The node that `data` from `start` leads to within words, and how far it leads."""
        node, i = self, start
        while i < len(data) and (child := node.children.get(data[i])) is not None:
            node, i = child, i + 1
        return node, i

    def after(self, data: bytes) -> LiteralNode:
        """The node that `data` leads to. ValueError where it leads out of the words."""
        node, i = self.walk(data)
        if i < len(data):
            raise ValueError(f"after: data={data!r} does not begin what is left of a word")
        return node

    def step(self, byte: int) -> LiteralNode | None:
        """The place one byte later, None where there is no way."""
        literals = self.literals
        if self is literals.beyond:
            return self
        return self.children.get(byte) or (literals.beyond if self.end and byte in literals.breaks else None)

    @cached_property
    def allowed(self) -> TokenSet:
        """The tokens that may come next, the stop tokens where a word ends."""
        literals, vocabulary = self.literals, self.literals.vocabulary
        found = ByteTrie.of(vocabulary).allowed(self, LiteralNode.step)
        if not literals.complete:
            found = TokenSet.of((token for token in found.ids.tolist() if self._spells(vocabulary.tokens[token] or b"")), found.size)
        return found | TokenSet.of(vocabulary.stop_tokens, found.size) if self.end else found

    def _spells(self, data: bytes) -> bool:
        """Whether a token that has a way ends where a word can be spelt to its end."""
        node, i = self.walk(data)
        return i < len(data) or node.spelt


def _spelt(word: bytes, pieces: frozenset[bytes]) -> list[bool]:
    """Of each place in the word, whether pieces write what is left of it."""
    longest, good = max(map(len, pieces), default=0), [False] * len(word) + [True]
    for i in reversed(range(len(word))):
        good[i] = any(good[j] and word[i:j] in pieces for j in range(i + 1, min(i + longest, len(word)) + 1))
    return good


def _pieces(vocabulary: Vocabulary) -> frozenset[bytes]:
    """What tokens write, made once a vocabulary."""
    kept = vocabulary.__dict__
    if "pieces" not in kept:
        silent = vocabulary.stop_tokens
        kept["pieces"] = frozenset(data for token, data in enumerate(vocabulary.tokens) if data and token not in silent)
    pieces: frozenset[bytes] = kept["pieces"]
    return pieces
