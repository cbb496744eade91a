"""Monte-Carlo tree search by PUCT over a successor table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from foretell.decoding.drafting.successors import kernels
from foretell.decoding.drafting.successors.kernels import find_longest, share
from foretell.decoding.drafting.successors.table import SuccessorTable
from foretell.decoding.drafting.trees.paths import Paths
from foretell.models.engines.compiled import njit
from foretell.models.source_key import source_key
from foretell.parts import require

REWARDS = ("path", "official")


@dataclass(frozen=True)
class TreeSearch:
    """Settings of the search.

    iterations: number of paths tried. length: new tokens of a path. top: tree nodes taken, most visited first. c1, c2: exploration; a
    child of weight p with n visits and mean reward r under a parent of N visits scores r + (c1 + ln((N + c2 + 1) / c2)) p sqrt(N) /
    (1 + n), and unvisited children come first. reward: "path", one plus the weights along the path; or "official", as in
    the authors' code: the weight is looked up by the pair's second token instead of the new one, so the reward is nearly always one.

    A reached context is expanded to all its successors at once, and the rest of the path is sampled in proportion to weight. The random
    numbers depend on the text only, so the result is a function of text and table. Equal visit counts are ordered by product of shares,
    then by order of expansion. Cost: below a millisecond, compiled. Errors: UserError for settings out of range.

    Zhang et al., "Adaptive Draft-Verification for Efficient Large Language Model Decoding", section 3.
    """

    iterations: int = 150
    length: int = 3
    top: int = 24
    c1: float = 32.0
    c2: float = 8.0
    reward: str = "path"

    def __post_init__(self) -> None:
        for name in ("iterations", "length", "top"):
            require(getattr(self, name) >= 1, self, name, getattr(self, name), "must be at least 1")
        require(0 <= self.c1 < math.inf, self, "c1", self.c1, "must be 0 or above")
        require(0 < self.c2 < math.inf, self, "c2", self.c2, "must be above 0")
        require(self.reward in REWARDS, self, "reward", self.reward, f"must be one of {', '.join(REWARDS)}")

    def search(self, table: SuccessorTable, text: Sequence[int], num_nodes: int, depth: int) -> Paths:
        """The `top` most visited paths after `text`, each then lengthened by its best successor; `num_nodes` at most.

        >>> table = SuccessorTable(10, (2,), rule="count")
        >>> table.learn_text([1, 2, 3, 4, 1, 2, 3, 5, 1, 2, 3, 4])
        >>> TreeSearch().search(table, [1, 2], num_nodes=3, depth=8).tokens
        [3, 4, 1]
        """
        nodes, reach = np.empty((3, max(num_nodes, 0)), dtype=np.int64), np.empty(max(num_nodes, 0))
        with table.lock:
            num_paths = _search(
                table.store, table.order_array, table.context(text), nodes, reach, depth, self.iterations, self.length, self.top, self.c1,
                self.c2, self.reward == "official",
            )  # fmt: skip
        return Paths.of(nodes, reach, num_paths)


@njit(nogil=True, cache=True)
def _context_of(node, root, parent, token, out):
    longest, i = len(root), len(root) - 1
    while node > 0 and i >= 0:
        out[i] = token[node]
        node, i = parent[node], i - 1
    for j in range(i + 1):
        out[j] = root[longest - 1 - i + j]


@njit(nogil=True, cache=True)
def _gain(store, row, j, context, official):
    """What one step of a path adds to the reward."""
    if not official:
        return store.weights[row if len(store.weights) > 1 else 0, j]
    for other in range(store.tokens.shape[1]):
        if store.tokens[row, other] == context[-1]:
            return store.weights[row if len(store.weights) > 1 else 0, other]
    return 0.0


def _cached(build: int):
    """The compiled function, with `build` in its closure (see `source_key`). It must hold no other compiled
    function: the cache key would then differ between processes, and no entry would be found."""

    @njit(nogil=True, cache=True)
    def search(store, orders, root, nodes, reach, depth, iterations, length, top, c1, c2, official):
        width, wanted = store.tokens.shape[1], nodes.shape[1] if build else 0
        most = 1 + iterations * width
        token, parent = np.empty(most, dtype=np.int32), np.empty(most, dtype=np.int64)
        first, num = np.full(most, -1, dtype=np.int64), np.zeros(most, dtype=np.int64)  # children; -1: not expanded yet
        known, level, visits = np.zeros(most, dtype=np.int64), np.zeros(most, dtype=np.int64), np.zeros(most, dtype=np.int64)
        prior, above, earned, score = np.zeros(most), np.ones(most), np.zeros(most), np.zeros(most)
        context, ahead = np.empty(len(root), dtype=np.int32), np.empty(len(root), dtype=np.int32)
        parent[0], size, deepest = -1, 1, min(length, depth)
        state = np.uint64(0x9E3779B97F4A7C15)
        for each in root:
            state = (state ^ np.uint64(each + 2)) * np.uint64(0xD1342543DE82EF95) + np.uint64(1)
        for _ in range(iterations):
            node = 0
            while first[node] >= 0 and num[node] > 0:  # select
                best, at = -1.0, first[node]
                explore = (c1 + math.log((visits[node] + c2 + 1) / c2)) * math.sqrt(visits[node])
                for child in range(first[node], first[node] + num[node]):
                    if visits[child] == 0:
                        at = child
                        break
                    value = score[child] / visits[child] + explore * prior[child] / (1 + visits[child])
                    if value > best:
                        best, at = value, child
                node = at
            if first[node] < 0 and level[node] < deepest:  # expand
                _context_of(node, root, parent, token, context)
                row, order = find_longest(store, context, orders)
                first[node] = size
                for j in range(width):
                    if row < 0 or store.tokens[row, j] < 0:
                        break
                    token[size], parent[size], level[size], known[size] = store.tokens[row, j], node, level[node] + 1, order
                    prior[size] = store.weights[row if len(store.weights) > 1 else 0, j]
                    above[size] = above[node] * share(store, row, j)
                    earned[size] = earned[node] + _gain(store, row, j, context, official)
                    size += 1
                    num[node] += 1
                if num[node] > 0:
                    node = first[node]
            _context_of(node, root, parent, token, ahead)
            reward = 1.0 + earned[node]
            for _ in range(level[node], deepest):  # roll out
                row, order = find_longest(store, ahead, orders)
                if row < 0:
                    break
                total = 0.0
                for j in range(width):
                    total += share(store, row, j) if store.tokens[row, j] >= 0 else 0.0
                state ^= state << np.uint64(13)
                state ^= state >> np.uint64(7)
                state ^= state << np.uint64(17)
                left, pick = total * np.float64(state >> np.uint64(11)) / 2.0**53, 0
                while pick < width - 1 and store.tokens[row, pick + 1] >= 0 and left >= share(store, row, pick):
                    left -= share(store, row, pick)
                    pick += 1
                reward += _gain(store, row, pick, ahead, official)
                following = store.tokens[row, pick]
                ahead[:-1] = ahead[1:].copy()
                ahead[-1] = following
            while node >= 0:  # back up
                visits[node] += 1
                score[node] += reward
                node = parent[node]
        taken, place, count = np.zeros(min(top, size), dtype=np.int64), np.full(size, -2, dtype=np.int64), 0
        place[0] = -1
        for i in range(len(taken)):
            at = 0
            for node in range(1, size):
                better = visits[node] > visits[at] or (visits[node] == visits[at] and above[node] > above[at])
                if place[node] == -2 and visits[node] > 0 and (at == 0 or better):
                    at = node
            if at == 0 or count >= wanted:
                break
            taken[i], place[at] = at, count
            nodes[0, count], nodes[1, count], nodes[2, count], reach[count] = token[at], place[parent[at]], known[at], above[at]
            count += 1
        for node in taken[: min(count, len(taken))]:  # lengthen
            if level[node] >= depth or count >= wanted:
                continue
            _context_of(node, root, parent, token, context)
            row, order = find_longest(store, context, orders)
            if row < 0:
                continue
            best, there = store.tokens[row, 0], False
            for child in range(first[node], first[node] + num[node]):
                there |= token[child] == best and place[child] >= 0
            if not there:
                nodes[0, count], nodes[1, count], nodes[2, count] = best, place[node], order
                reach[count] = above[node] * share(store, row, 0)
                count += 1
        return count

    return search


_search = _cached(source_key(kernels.__file__))
