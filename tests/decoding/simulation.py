"""Runs a pace against a drafter of known acceptance, with the cost curve as the clock: no model, no noise."""

from __future__ import annotations

import random
from collections.abc import Callable

from foretell.decoding.cost_curve import CostCurve
from foretell.decoding.distribution import Distribution
from foretell.decoding.draft_order import DraftCosts
from foretell.decoding.pace import Pace
from foretell.decoding.tree import Kind, Tree

LONGEST = 16


def simulate(
    pace: Pace,
    curve: CostCurve,
    acceptance: Callable[[int], float],
    requests: int = 10,
    tokens: int = 96,
    draft_cost: float = 0.0,
    kind: Kind = Kind.FIXED,
    seed: int = 0,
) -> float:
    """Seconds by the curve for `requests` texts in turn. acceptance(step): chance of each next drafted token, steps counted
    over all requests. draft_cost: seconds for each drafted token."""
    costs = DraftCosts(curve, lambda depth: draft_cost * depth)
    coins, memory, seconds, steps = random.Random(seed), pace.remember(), 0.0, 0
    for _ in range(requests):
        state, written = pace.begin(memory, alone=kind is not Kind.FIXED), 0
        while written < tokens:
            limit = pace.limit(state, costs)
            length = min(limit.num_nodes, limit.depth, LONGEST, tokens - written - 1)
            seconds += draft_cost * length
            tree = pace.trim([state], [chain(length, kind)], costs)[0] if length else Tree()
            accepted = 0
            while accepted < len(tree) and coins.random() < acceptance(steps):
                accepted += 1
            pace.observe(state, tree, list(range(accepted)))
            seconds += curve(1 + len(tree))
            written += accepted + 1
            steps += 1
    return seconds


def chain(length: int, kind: Kind = Kind.FIXED) -> Tree:
    """A chain of `length` nodes; what its tokens and q are does not matter here."""
    tree, q = Tree(), None if kind is Kind.FIXED else Distribution.point(2, 1)
    for node in range(length):
        tree.add(1, node - 1, kind, q, "simulated")
    return tree
