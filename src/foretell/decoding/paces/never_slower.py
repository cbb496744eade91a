"""The never-slower pace: verify as many drafted tokens as the cost curve says will pay, which may be none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from foretell.decoding.cost_curve import CostCurve
from foretell.decoding.paces.base import Limit, Pace
from foretell.decoding.tree import ROOT, Kind, Tree
from foretell.parts import require

#: What is known of a node before it is verified: (source, grade, depth, rank), depth and rank clipped.
Key = tuple[str, int, int, int]
_ANY = "*"  # the key's source for "some node of this depth was accepted", whatever its drafter
_DEEPEST, _WIDEST = 6, 8


@dataclass
class Rates:
    """Acceptance by key, given that the parent was accepted: exponentially forgetting counts, pulled towards a parent's rates.

    Instead of shrinking all counts each step, new ones weigh more: `weight` grows by 1 / memory.
    """

    parent: Rates | None
    keep: float
    weight: float = 1.0
    visits: dict[Key, float] = field(default_factory=dict)
    hits: dict[Key, float] = field(default_factory=dict)

    def rate(self, key: Key, trust: float) -> float:
        prior = self.parent.rate(key, trust) if self.parent is not None else 0.5 / (1 + key[3])
        visits, hits = self.visits.get(key, 0.0) / self.weight, self.hits.get(key, 0.0) / self.weight
        return (hits + trust * prior) / (visits + trust)

    def note(self, key: Key, hit: bool) -> None:
        self.visits[key] = self.visits.get(key, 0.0) + self.weight
        self.hits[key] = self.hits.get(key, 0.0) + self.weight * hit

    def age(self) -> None:
        self.weight /= self.keep
        if self.weight > 1e60:
            for counts in (self.visits, self.hits):
                counts.update({key: count / self.weight for key, count in counts.items()})
            self.weight = 1.0


@dataclass
class _State:
    rates: Rates
    alone: bool
    idle: int = 0  # steps in a row whose proposals were not worth verifying
    skip: int = 0  # steps still to pass before the drafter is asked again


@dataclass(frozen=True)
class NeverSlower(Pace):
    """Choose the number of nodes m that maximises expected tokens / t(1 + m).

    The chance that a node is accepted is learnt online, per request and from all requests before, for each (drafter, grade,
    depth, rank); a node's reach is the product along its path, and expected tokens = 1 + sum of reach. Nodes of the whole
    batch compete: the best by reach are verified in one step, as many as pay by the curve. Counts forget, so what was given
    up is tried again after a while; drafters that keep proposing worthless trees are asked less often.

    max_nodes: at most so many drafted tokens a step and request. memory: steps after which a count has faded to 1/e.
    trust: weight, in observations, of what other requests taught.

    Law: none of its own; exact verifiers stay exact, because nodes are dropped by source, grade, depth and rank only, never
    by the token drawn. Needs: the cost curve. Cost: microseconds a node. State: counts.

    Expected-improvement choice as in Leviathan et al., "Fast Inference from Transformers via Speculative Decoding", section
    3.3, with a measured cost curve and by-node rates in place of one constant; trees by reach as in Sequoia (Chen et al.,
    "Sequoia: Scalable, Robust, and Hardware-aware Speculative Decoding", section 3).

    >>> pace = NeverSlower()
    >>> state, curve = pace.begin(pace.remember()), CostCurve.flat(1.0, per_row=1.0)
    >>> [len(tree) for tree in pace.trim([state], [Tree.chain([1, 2, 3])], curve)]  # a token costs as much as a step
    [0]
    """

    max_nodes: int = 24
    memory: float = 200.0
    trust: float = 4.0

    aliases = ("cost",)

    def __post_init__(self) -> None:
        require(isinstance(self.max_nodes, int) and self.max_nodes >= 0, self, "max_nodes", self.max_nodes, "must be 0 or above")
        require(self.memory >= 1, self, "memory", self.memory, "must be at least 1 step")
        require(self.trust > 0, self, "trust", self.trust, "must be above 0")

    @property
    def needs_curve(self) -> bool:
        return True

    def remember(self) -> Rates:
        return Rates(None, 1 - 1 / (8 * self.memory))

    def begin(self, memory: Any, alone: bool = False) -> _State:
        return _State(Rates(None if alone else memory, 1 - 1 / self.memory), alone)

    def limit(self, state: Any, curve: CostCurve, draft_cost: Callable[[int], float]) -> Limit:
        if state.skip > 0:
            return Limit(0, 0)
        if draft_cost(1) == 0:
            return Limit(self.max_nodes, self.max_nodes)
        # Drafting costs time of its own: go as deep as pays, by the chance that some node of each depth is accepted.
        best, depth, expected, reach = 1.0 / curve(1), 0, 1.0, 1.0
        for d in range(1, self.max_nodes + 1):
            reach *= state.rates.rate((_ANY, 0, min(d, _DEEPEST), 0), self.trust)
            expected += reach
            rate = expected / (curve(1 + d) + draft_cost(d))
            if rate > best:
                best, depth = rate, d
        if depth == 0:
            self._rest(state)
        return Limit(self.max_nodes if depth else 0, depth)

    def trim(self, states: Sequence[Any], trees: Sequence[Tree], curve: CostCurve) -> list[Tree]:
        together = [i for i, state in enumerate(states) if not state.alone]
        groups = [[i] for i, state in enumerate(states) if state.alone] + ([together] if together else [])
        trimmed = list(trees)
        for group in groups:
            for i, tree in zip(group, self._trim([states[i] for i in group], [trees[i] for i in group], curve), strict=True):
                trimmed[i] = tree
        return trimmed

    def _trim(self, states: Sequence[Any], trees: Sequence[Tree], curve: CostCurve) -> list[Tree]:
        """The best set of nodes for a group of requests that share a step."""
        nodes: list[tuple[float, int, int]] = []
        for i, (state, tree) in enumerate(zip(states, trees, strict=True)):
            nodes += [(-reach, i, node) for node, reach in enumerate(self.reach(state, tree))]
        nodes.sort()
        times = curve.table(len(trees) + len(nodes)).tolist()
        expected, num = float(len(trees)), 0
        best = expected / times[len(trees) - 1] if trees else 0.0
        for count, (minus_reach, _, _) in enumerate(nodes, 1):
            expected -= minus_reach
            rate = expected / times[len(trees) + count - 1]
            if rate > best:
                best, num = rate, count
        kept: list[list[int]] = [[] for _ in trees]
        for _, i, node in nodes[:num]:
            kept[i].append(node)
        for state, tree, chosen in zip(states, trees, kept, strict=True):
            if chosen:
                state.idle = 0
            elif len(tree):
                self._rest(state)
        return [tree if len(chosen) == len(tree) else tree.subtree(chosen) for tree, chosen in zip(trees, kept, strict=True)]

    def reach(self, state: Any, tree: Tree) -> list[float]:
        """Probability that each node is on the accepted path. Never rises from parent to child, nor, among sampled siblings,
        from earlier to later, so that any best set keeps parents and earlier draws."""
        reach: list[float] = []
        last_sibling: dict[int, float] = {}
        for node, key in enumerate(_keys(tree)):
            above = 1.0 if tree.parents[node] == ROOT else reach[tree.parents[node]]
            chance = above * state.rates.rate(key, self.trust)
            if tree.kinds[node] is not Kind.FIXED:
                chance = min(chance, last_sibling.get(tree.parents[node], 1.0))
                last_sibling[tree.parents[node]] = chance
            reach.append(chance)
        return reach

    def observe(self, state: Any, tree: Tree, path: Sequence[int]) -> None:
        levels = [rates for rates in (state.rates, state.rates.parent) if rates is not None]
        if state.skip > 0:
            state.skip -= 1
        if len(tree):
            on_path, accepted = {ROOT, *path}, set(path)
            tried: dict[int, bool] = {}
            for node, key in enumerate(_keys(tree)):
                if tree.parents[node] in on_path:
                    hit = node in accepted
                    tried[key[2]] = tried.get(key[2], False) or hit
                    for rates in levels:
                        rates.note(key, hit)
            for depth, hit in tried.items():
                for rates in levels:
                    rates.note((_ANY, 0, depth, 0), hit)
        for rates in levels:
            rates.age()

    def _rest(self, state: _State) -> None:
        state.idle += 1
        state.skip = min(state.idle, 16)


def _keys(tree: Tree) -> list[Key]:
    depths, ranks = tree.depths(), tree.ranks()
    return [
        (tree.sources[node], tree.grades[node], min(depths[node], _DEEPEST), min(ranks[node], _WIDEST)) for node in range(len(tree))
    ]
