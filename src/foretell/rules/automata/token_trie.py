"""A trie of the stretches of a token sequence, unfolded as it is walked."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import cached_property

#: Stands in a sequence where no stretch may pass.
BREAK = -1
_NEVER = 1 << 60


class TokenTrie:
    """All stretches of `tokens` that begin at one of `starts`, end before one of `ends`, pass no BREAK and have at most
    `max_tokens` tokens. A node is one beginning of them, however often it occurs; nodes that lead to no end are left out.

    A suffix automaton would share nodes behind different beginnings too, but those have probabilities of their own. Memory: the
    sequence, and the places of the nodes that were walked.

    >>> root = TokenTrie([5, 6, 5, 7], starts=[0, 2], ends=[1, 2, 4]).root
    >>> list(root.children), root.children[5].places, root.children[5].is_end
    ([5], [1, 3], True)
    >>> sorted(root.children[5].children), root.size
    ([6, 7], 6)
    """

    def __init__(self, tokens: Sequence[int], starts: Iterable[int], ends: Collection[int], max_tokens: int | None = None) -> None:
        self.tokens, self.ends = [*tokens, BREAK], frozenset(ends)
        self.max_tokens = len(tokens) if max_tokens is None else max_tokens
        self.next_end = [_NEVER] * (len(tokens) + 2)  # of each place: the first end from there on, no BREAK before it
        for place in range(len(tokens), -1, -1):
            further = _NEVER if self.tokens[place] == BREAK else self.next_end[place + 1]
            self.next_end[place] = place if place in self.ends else further
        self.root = TrieNode(self, sorted(starts), 0)


class TrieNode:
    """places: where the next token stands, for each occurrence, first one first. depth: tokens from the root."""

    def __init__(self, trie: TokenTrie, places: list[int], depth: int) -> None:
        self.trie, self.places, self.depth = trie, places, depth

    @cached_property
    def children(self) -> dict[int, TrieNode]:
        """By token, in the order of their first occurrence."""
        trie = self.trie
        found: dict[int, list[int]] = {}
        for place in self.places:
            token, after = trie.tokens[place], place + 1
            if token != BREAK and trie.next_end[after] - after + self.depth + 1 <= trie.max_tokens:
                found.setdefault(token, []).append(after)
        return {token: TrieNode(trie, places, self.depth + 1) for token, places in found.items()}

    @property
    def occurrences(self) -> list[tuple[int, int]]:
        """(first, last + 1) places of the stretches that end here."""
        return [(place - self.depth, place) for place in self.places if self.depth and place in self.trie.ends]

    @cached_property
    def is_end(self) -> bool:
        """Whether a stretch ends here."""
        return bool(self.occurrences)

    @property
    def size(self) -> int:
        """Nodes from here on, this one included; walks them all."""
        num, level = 0, [self]
        while level:
            num += len(level)
            level = [child for node in level for child in node.children.values()]
        return num
