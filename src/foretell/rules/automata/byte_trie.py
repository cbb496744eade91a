"""The tokens of a vocabulary as a trie of bytes, traversed together with a byte automaton to find the allowed tokens."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from foretell.decoding.token_set import TokenSet
from foretell.models.vocabulary import Vocabulary

S = TypeVar("S", bound=Hashable)
Ints = NDArray[np.intp]

_UNKNOWN, _DEAD = -2, -1


class ByteTrie:
    """A trie of the tokens' bytes, without stop tokens and tokens that have no bytes. `vocabulary.derive(ByteTrie)` makes it once.

    Nodes are prefixes of tokens, numbered breadth first, so that the children of a node are consecutive. byte: (num_nodes,) uint8, the
    last byte of each prefix (node 0 is the root and has none). first: (num_nodes + 1,), the children of node n are first[n] to
    first[n + 1] - 1. tokens: (num_tokens,) token ids; those that end at node n are tokens[ends[n] : ends[n + 1]].

    >>> trie = ByteTrie(Vocabulary((b"a", b"ab", b"b", None), frozenset({3})))
    >>> trie.allowed(0, lambda count, byte: count + 1 if byte == ord("a") else None).ids.tolist()
    [0]
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        known = vocabulary.tokens
        order = sorted(
            (token for token, data in enumerate(known) if data and token not in vocabulary.stop_tokens),
            key=lambda token: known[token] or b"",
        )
        data = [known[token] or b"" for token in order]
        text = np.frombuffer(b"".join(data), dtype=np.uint8)
        lengths = np.fromiter(map(len, data), dtype=np.intp, count=len(data))
        offsets = np.cumsum(lengths) - lengths  # where each token begins in `text`

        node = np.zeros(len(data), dtype=np.intp)  # the node that each token's first `depth` bytes lead to
        end = np.zeros(len(data), dtype=np.intp)
        left, depth, num_nodes = np.arange(len(data)), 0, 1
        all_bytes, all_parents = [np.zeros(1, dtype=np.uint8)], [np.zeros(1, dtype=np.intp)]
        while len(left):  # tokens longer than `depth`, sorted: equal prefixes are consecutive
            parents, byte = node[left], text[offsets[left] + depth]
            new = np.ones(len(left), dtype=bool)
            new[1:] = (parents[1:] != parents[:-1]) | (byte[1:] != byte[:-1])
            node[left] = num_nodes - 1 + np.cumsum(new)
            all_bytes.append(byte[new])
            all_parents.append(parents[new])
            num_nodes += int(new.sum())
            depth += 1
            done = lengths[left] == depth
            end[left[done]] = node[left[done]]
            left = left[~done]

        by_end = np.argsort(end, kind="stable")
        nodes = np.arange(num_nodes + 1)
        self.size = vocabulary.size
        self.byte = np.concatenate(all_bytes)
        self.first: Ints = np.searchsorted(np.concatenate(all_parents)[1:], nodes) + 1
        self.tokens: Ints = np.asarray(order, dtype=np.intp)[by_end]
        self.ends: Ints = np.searchsorted(end[by_end], nodes)

    @cached_property
    def single_bytes(self) -> frozenset[int]:
        """The bytes that are tokens by themselves."""
        letters = np.arange(self.first[0], self.first[1])
        return frozenset(self.byte[letters[self.ends[letters + 1] > self.ends[letters]]].tolist())

    def allowed(self, state: S, step: Callable[[S, int], S | None]) -> TokenSet:
        """The tokens whose bytes a deterministic automaton can read from `state`. step: the state after a byte, or None.

        The trie is traversed level by level with all reachable nodes at once; `step` is called once for each state and byte that occur.
        """
        states, numbers = [state], {state: 0}
        steps = np.full(16 * 256, _UNKNOWN, dtype=np.intp)  # at state * 256 + byte
        nodes, at = np.zeros(1, dtype=np.intp), np.zeros(1, dtype=np.intp)
        reached = []
        while len(nodes):
            first = self.first[nodes]
            counts = self.first[nodes + 1] - first
            children = _ranges(first, counts)
            pairs = np.repeat(at * 256, counts) + self.byte[children]
            after = steps[pairs]
            unknown = after == _UNKNOWN
            if unknown.any():
                for pair in np.unique(pairs[unknown]).tolist():
                    target = step(states[pair >> 8], pair & 255)
                    number = _DEAD if target is None else numbers.setdefault(target, len(numbers))
                    steps[pair] = number
                    if target is not None and number == len(states):
                        states.append(target)
                if len(states) * 256 > len(steps):
                    steps = np.concatenate((steps, np.full(len(states) * 512 - len(steps), _UNKNOWN, dtype=np.intp)))
                after = steps[pairs]
            alive = after >= 0
            if alive.all():
                nodes, at = children, after
            else:
                nodes, at = children[alive], after[alive]
            reached.append(nodes)
        nodes = np.concatenate(reached)
        ends = self.ends[nodes]
        mask = np.zeros(self.size, dtype=bool)
        mask[self.tokens[_ranges(ends, self.ends[nodes + 1] - ends)]] = True
        return TokenSet.where(mask)


def _ranges(starts: Ints, counts: Ints) -> Ints:
    """The concatenation of the ranges starts[i] to starts[i] + counts[i] - 1."""
    ends = np.cumsum(counts)
    return np.repeat(starts - ends + counts, counts) + np.arange(ends[-1] if len(ends) else 0)
