"""A set of literal strings as an automaton over bytes: one whole string, then a delimiter, then anything."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from foretell.decoding.token_set import TokenSet
from foretell.models.vocabulary import Vocabulary
from foretell.rules.automata.byte_trie import ByteTrie


class Literals:
    """A trie of strings with the tokens that each node allows.

    words: the strings. delimiters: the bytes of which one must follow a whole word before other text may; a text may also end there.
    Words that no tokens spell are left out, and so are tokens after which no word can be spelt to its end.

    >>> vocabulary = Vocabulary((b"a", b"b", b"ab", b"a(", b"c", None), frozenset({5}))
    >>> literals = Literals([b"a", b"abb", b"d"], b"(", vocabulary)
    >>> literals.root.allowed.ids.tolist(), literals.root.after(b"a").allowed.ids.tolist()
    ([0, 2, 3], [1, 5])
    """

    def __init__(self, words: Iterable[bytes], delimiters: bytes, vocabulary: Vocabulary) -> None:
        self.delimiters, self.vocabulary = frozenset(delimiters), vocabulary
        self.outside = LiteralNode(self)
        self.root = LiteralNode(self)
        words = list(words)
        spellings = vocabulary.derive(token_spellings)
        #: Whether every byte of the words is a token, so that all words can be spelt from everywhere.
        self.has_all_bytes = all(bytes([byte]) in spellings for byte in set(b"".join(words)))
        for word in words:
            spellable = [True] * (len(word) + 1) if self.has_all_bytes else _spellable_suffixes(word, spellings)
            if spellable[0]:
                self._add(word, spellable)

    def __bool__(self) -> bool:
        """Whether any word can be spelt."""
        return bool(self.root.children)

    def _add(self, word: bytes, spellable: list[bool]) -> None:
        node = self.root
        node.is_spellable = True
        for byte, rest_is_spellable in zip(word, spellable[1:], strict=True):
            node = node.children.setdefault(byte, LiteralNode(self))
            node.is_spellable |= rest_is_spellable
        node.is_word = True


class LiteralNode:
    """A prefix of some words. is_word: the prefix is a whole word. is_spellable: tokens can spell some word to its end from here.

    `Literals.outside` is the node of all text after a word's delimiter.
    """

    __slots__ = ("__dict__", "children", "is_spellable", "is_word", "literals")  # __dict__ for the cached property

    def __init__(self, literals: Literals) -> None:
        self.literals = literals
        self.children: dict[int, LiteralNode] = {}
        self.is_word = self.is_spellable = False

    def walk(self, data: bytes, start: int = 0) -> tuple[LiteralNode, int]:
        """(node, index): the last node that data[start:] reaches within the words, and the index of the first byte after it."""
        node, i = self, start
        while i < len(data) and (child := node.children.get(data[i])) is not None:
            node, i = child, i + 1
        return node, i

    def after(self, data: bytes) -> LiteralNode:
        """The node after all bytes of `data`. UserError if no word continues so."""
        node, i = self.walk(data)
        if i < len(data):
            raise ValueError(f"after: data={data!r} does not begin what is left of a word")
        return node

    def step(self, byte: int) -> LiteralNode | None:
        """The node after one more byte, also outside of the words; None if it is not allowed."""
        outside = self.literals.outside
        if self is outside:
            return self
        return self.children.get(byte) or (outside if self.is_word and byte in self.literals.delimiters else None)

    @cached_property
    def allowed(self) -> TokenSet:
        """The tokens that may come next, with the stop tokens after a whole word."""
        literals, vocabulary = self.literals, self.literals.vocabulary
        tokens = vocabulary.derive(ByteTrie).allowed(self, LiteralNode.step)
        if not literals.has_all_bytes:
            tokens = TokenSet.of((token for token in tokens.ids.tolist() if self._can_finish(vocabulary.tokens[token] or b"")), tokens.size)
        return tokens | TokenSet.of(vocabulary.stop_tokens, tokens.size) if self.is_word else tokens

    def _can_finish(self, data: bytes) -> bool:
        """Whether a word can be spelt to its end after a token with the bytes `data`."""
        node, i = self.walk(data)
        return i < len(data) or node.is_spellable


def _spellable_suffixes(word: bytes, spellings: frozenset[bytes]) -> list[bool]:
    """For each index of the word (its length included), whether tokens spell the rest from there."""
    longest, spellable = max(map(len, spellings), default=0), [False] * len(word) + [True]
    for i in reversed(range(len(word))):
        spellable[i] = any(spellable[j] and word[i:j] in spellings for j in range(i + 1, min(i + longest, len(word)) + 1))
    return spellable


def token_spellings(vocabulary: Vocabulary) -> frozenset[bytes]:
    """The bytes of all tokens but stop tokens."""
    return frozenset(data for token, data in enumerate(vocabulary.tokens) if data and token not in vocabulary.stop_tokens)
