"""Acceptance rates of drafted nodes, by what is known of a node before it is verified."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from foretell.decoding.tree import ROOT, Kind, Tree

#: (source, grade, depth, rank), depth and rank clipped: nothing that depends on the token drawn.
Key = tuple[str, int, int, int]
_ANY = "*"  # the source of "some node of this depth was accepted", whatever its drafter
_DEEPEST, _WIDEST = 6, 8
#: Weights, in observations, of the first guess and of a success that nobody saw: without that bit of hope, a drafter with bad
#: luck at the start would hardly be tried again.
_PRIOR, _HOPE = 2.0, 0.4


@dataclass
class Rates:
    """Acceptance by key, given that the parent was accepted: exponentially forgetting counts, pulled towards a parent's rates.

    Instead of shrinking all counts each step, new ones weigh more: `weight` grows by 1 / keep.
    """

    parent: Rates | None
    keep: float
    weight: float = 1.0
    visits: dict[Key, float] = field(default_factory=dict)
    hits: dict[Key, float] = field(default_factory=dict)

    def rate(self, key: Key, trust: float) -> float:
        """Chance that a node of this key is accepted; `trust` is the weight, in observations, of the parent's rate.

        Where nothing was observed: as the depth above, and a half for best candidates of depth 1.
        """
        visits, hits = self.visits.get(key, 0.0) / self.weight, self.hits.get(key, 0.0) / self.weight
        if self.parent is not None:
            return (hits + trust * self.parent.rate(key, trust)) / (visits + trust)
        source, grade, depth, rank = key
        prior = self.rate((source, grade, depth - 1, rank), trust) if depth > 1 else 0.5 / (1 + rank)
        return (hits + _PRIOR * prior + _HOPE) / (visits + _PRIOR + _HOPE)

    def reach(self, tree: Tree, trust: float) -> list[float]:
        """Probability that each node is on the accepted path. Never rises from parent to child, nor, among sampled siblings,
        from earlier to later, so that any best set keeps parents and earlier draws."""
        reach: list[float] = []
        last_sibling: dict[int, float] = {}
        known = keys(tree)
        rates = {key: self.rate(key, trust) for key in set(known)}
        for node, key in enumerate(known):
            above = 1.0 if tree.parents[node] == ROOT else reach[tree.parents[node]]
            chance = above * rates[key]
            if tree.kinds[node] is not Kind.FIXED:
                chance = min(chance, last_sibling.get(tree.parents[node], 1.0))
                last_sibling[tree.parents[node]] = chance
            reach.append(chance)
        return reach

    def note(self, tree: Tree, path: Sequence[int], known: Sequence[Key] | None = None) -> None:
        """Count a verified tree's nodes whose parent was accepted, and let a step pass. known: the nodes' keys as proposed,
        where the tree was trimmed since: without its elder siblings, a node would pass for a better-ranked one."""
        on_path, accepted = {ROOT, *path}, set(path)
        tried: dict[int, bool] = {}
        known = keys(tree) if known is None else known
        for node, key in enumerate(known):
            if tree.parents[node] in on_path:
                self._count(key, node in accepted)
                tried[key[2]] = tried.get(key[2], False) or node in accepted
        for depth, hit in tried.items():
            self._count(any_at(depth), hit)
        self.weight /= self.keep
        if self.weight > 1e60:
            for counts in (self.visits, self.hits):
                counts.update({key: count / self.weight for key, count in counts.items()})
            self.weight = 1.0
        if self.parent is not None:
            self.parent.note(tree, path, known)

    def _count(self, key: Key, hit: bool) -> None:
        self.visits[key] = self.visits.get(key, 0.0) + self.weight
        self.hits[key] = self.hits.get(key, 0.0) + self.weight * hit


def any_at(depth: int) -> Key:
    """The key of "some node of this depth was accepted"."""
    return _ANY, 0, min(depth, _DEEPEST), 0


def keys(tree: Tree) -> list[Key]:
    """What is known of each node before it is verified. Its rank is among the siblings of its own source: in a union, a
    drafter's first choice stays a first choice whoever stands beside it."""
    seen: dict[tuple[int, str], int] = {}
    found = []
    for parent, source, grade, depth in zip(tree.parents, tree.sources, tree.grades, tree.depths(), strict=True):
        rank = seen.get((parent, source), 0)
        seen[parent, source] = rank + 1
        found.append((source, grade, min(depth, _DEEPEST), min(rank, _WIDEST)))
    return found
