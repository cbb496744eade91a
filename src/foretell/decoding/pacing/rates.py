"""Acceptance rates of drafted nodes, by what is known of a node before it is verified."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from foretell.decoding.pacing.prior_rates import prior_rate
from foretell.decoding.tree import ROOT, Kind, Tree

#: (source, grade, depth, rank), with depth and rank clipped. It must not depend on the token drawn.
Key = tuple[str, int, int, int]
_ANY = "*"  # the source in keys for "some node of this depth was accepted", from any drafter
_DEEPEST, _WIDEST = 6, 8
#: Weights, in observations, of the prior rate and of one extra success. Without the extra success, a drafter that fails in its first steps
#: would hardly be tried again.
_PRIOR, _HOPE = 2.0, 0.4
#: Weight, in observations, of a prior rate that was measured on other prompts.
_MEASURED = 6.0


@dataclass
class Rates:
    """Acceptance rates by key, given that the parent node was accepted: exponentially decaying counts, shrunk towards `parent`'s rates.

    Instead of scaling all counts in each step, new counts get more weight: `weight` grows by the factor 1 / keep.
    """

    parent: Rates | None
    keep: float
    weight: float = 1.0
    visits: dict[Key, float] = field(default_factory=dict)
    hits: dict[Key, float] = field(default_factory=dict)

    def rate(self, key: Key, trust: float) -> float:
        """Probability that a node of this key is accepted; `trust` is the weight, in observations, of the parent's rate.

        The prior is the rate that was measured on other prompts (`prior_rates.py`). Where there is none, it is the rate of the depth
        above, and 1/2 for the first candidate of depth 1.
        """
        visits, hits = self.visits.get(key, 0.0) / self.weight, self.hits.get(key, 0.0) / self.weight
        if self.parent is not None:
            return (hits + trust * self.parent.rate(key, trust)) / (visits + trust)
        source, grade, depth, rank = key
        measured = prior_rate(source, grade, depth, rank)
        if measured is not None:
            return (hits + _MEASURED * measured) / (visits + _MEASURED)
        prior = self.rate((source, grade, depth - 1, rank), trust) if depth > 1 else 0.5 / (1 + rank)
        return (hits + _PRIOR * prior + _HOPE) / (visits + _PRIOR + _HOPE)

    def reach(self, tree: Tree, trust: float, known: Sequence[Key] | None = None) -> list[float]:
        """Probability that each node is on the accepted path. It never increases from parent to child, nor from earlier to later sampled
        siblings, so that any set of the best nodes contains their parents and earlier siblings. known: `keys(tree)`, if at hand."""
        reach: list[float] = []
        last_sibling: dict[int, float] = {}
        known = keys(tree) if known is None else known
        rates = {key: self.rate(key, trust) for key in set(known)}
        for node, key in enumerate(known):
            above = 1.0 if tree.parents[node] == ROOT else reach[tree.parents[node]]
            probability = above * rates[key]
            if tree.kinds[node] is not Kind.FIXED:
                probability = min(probability, last_sibling.get(tree.parents[node], 1.0))
                last_sibling[tree.parents[node]] = probability
            reach.append(probability)
        return reach

    def note(self, tree: Tree, path: Sequence[int], known: Sequence[Key] | None = None) -> None:
        """Count the nodes of a verified tree whose parent was accepted, and let counts decay by one step. known: the nodes' keys before the
        tree was trimmed; without its earlier siblings, a node would seem better ranked."""
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
    """The key of each node. Ranks count siblings of the same source only, so that a drafter's first candidate has rank 0 also in a
    union."""
    seen: dict[tuple[int, str], int] = {}
    node_keys = []
    for parent, source, grade, depth in zip(tree.parents, tree.sources, tree.grades, tree.depths(), strict=True):
        rank = seen.get((parent, source), 0)
        seen[parent, source] = rank + 1
        node_keys.append((source, grade, min(depth, _DEEPEST), min(rank, _WIDEST)))
    return node_keys
