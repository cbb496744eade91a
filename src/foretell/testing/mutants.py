"""Verifiers broken on purpose, one classic mistake each: the law kit must catch them all, or it proves nothing.

A mutant says which verifier it `breaks` and is found by that; `worst_error` is what the law kit sees of it when it stands there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import ClassVar

import numpy as np

from foretell.decoding.distribution import Distribution
from foretell.decoding.draws import Draws
from foretell.decoding.tree import Kind, Tree
from foretell.decoding.verifier import Decision, Guarantee, Target, Verifier
from foretell.decoding.verifiers.exact import Exact
from foretell.decoding.verifiers.fixed_candidates import FixedCandidates
from foretell.decoding.verifiers.k_seq import KSeq
from foretell.decoding.verifiers.multi_round import MultiRound
from foretell.decoding.verifiers.recursive_rejection import RecursiveRejection
from foretell.testing.combinations import PartCombination
from foretell.testing.laws import law_report

Choice = tuple[int | None, Distribution | int]


class Mutant(Verifier):
    """A verifier with a mistake in it; takes the kinds of the verifier that it `breaks`."""

    guarantee = Guarantee("lossy", "broken on purpose")
    breaks: ClassVar[type[Verifier]]


@dataclass(frozen=True)
class AcceptsAlways(Mutant):
    """Accepts the first draft whatever its probability."""

    breaks = MultiRound
    kinds = MultiRound.kinds

    def choose(self, p: Distribution, siblings: Sequence[int], tree: Tree, draws: Draws) -> Choice:
        return (siblings[0], p) if siblings else (None, p)


@dataclass(frozen=True)
class KeepsTheTarget(Mutant):
    """Does not subtract q after a rejection."""

    breaks = MultiRound
    kinds = MultiRound.kinds

    def choose(self, p: Distribution, siblings: Sequence[int], tree: Tree, draws: Draws) -> Choice:
        for node in siblings:
            q = tree.q[node]
            if q is not None and draws.bernoulli(p[tree.tokens[node]] / q[tree.tokens[node]]):
                return node, p
        return None, p


@dataclass(frozen=True)
class StaleBonus(Mutant):
    """Draws the token after a fully accepted path from the distribution of its parent."""

    breaks = MultiRound
    kinds = MultiRound.kinds

    def choose(self, p: Distribution, siblings: Sequence[int], tree: Tree, draws: Draws) -> Choice:
        return MultiRound().choose(p, siblings, tree, draws)

    def decide(self, tree: Tree, target: Target, draws: Draws, position: int, state: None = None) -> Decision:
        decision = MultiRound().decide(tree, target, draws, position)
        last = decision.path[-1] if decision.path else None
        if last is None or last in tree.parents:
            return decision
        return Decision(decision.path, target.distribution(tree.parents[last]).draw(draws.at(position + len(decision.path), stream=9)))


@dataclass(frozen=True)
class RuleOfReplacement(Mutant):
    """Treats siblings drawn without replacement as independent draws: the same as not renormalising q."""

    breaks = RecursiveRejection
    kinds = RecursiveRejection.kinds

    def choose(self, p: Distribution, siblings: Sequence[int], tree: Tree, draws: Draws) -> Choice:
        return MultiRound().choose(p, siblings, tree, draws)


@dataclass(frozen=True)
class SubtractsNothing(Mutant):
    """Takes the tried token out of q, but does not subtract q from the target."""

    breaks = RecursiveRejection
    kinds = RecursiveRejection.kinds

    def choose(self, p: Distribution, siblings: Sequence[int], tree: Tree, draws: Draws) -> Choice:
        group = q = None
        for node in siblings:
            if tree.q[node] is not group:
                group = q = tree.q[node]
            if q is not None and draws.bernoulli(p[tree.tokens[node]] / q[tree.tokens[node]]):
                return node, p
            q = q and q.without(tree.tokens[node])
        return None, p


@dataclass(frozen=True)
class SubtractsOneTry(Mutant):
    """K-SEQ that subtracts what one sibling may have been accepted as, however many were tried."""

    breaks = KSeq
    kinds = KSeq.kinds

    def choose(self, p: Distribution, siblings: Sequence[int], tree: Tree, draws: Draws) -> Choice:
        rho = float(max(len(siblings), 1))  # larger than needed, which is allowed
        for node in siblings:
            q = tree.q[node]
            if q is not None and draws.bernoulli(p[tree.tokens[node]] / q[tree.tokens[node]] / rho):
                return node, p
        q = tree.q[siblings[0]] if siblings else None
        return None, p if q is None else Distribution.of(p.probs - np.minimum(q.at(p.ids), p.probs / rho), p.ids, p.size)


@dataclass(frozen=True)
class LowersNothing(Mutant):
    """K-SEQ that accepts each sibling as if it were the only one, and subtracts q once at the end."""

    breaks = KSeq
    kinds = KSeq.kinds

    def choose(self, p: Distribution, siblings: Sequence[int], tree: Tree, draws: Draws) -> Choice:
        q = None
        for node in siblings:
            q = tree.q[node]
            if q is not None and draws.bernoulli(p[tree.tokens[node]] / q[tree.tokens[node]]):
                return node, p
        return None, p if q is None else p.minus(q)


@dataclass(frozen=True)
class AcceptsByShare(Mutant):
    """Accepts fixed candidate x with p(x) / max p; otherwise draws from what is left without x."""

    breaks = FixedCandidates
    kinds = FixedCandidates.kinds

    def choose(self, p: Distribution, siblings: Sequence[int], tree: Tree, draws: Draws) -> Choice:
        for node in siblings:
            if draws.bernoulli(p[tree.tokens[node]] / float(p.probs.max())):
                return node, p
            p = p.without(tree.tokens[node])
        return None, p


@dataclass(frozen=True)
class DrawsTwice(Mutant):
    """Draws a second time where the first draw was not among the candidates."""

    breaks = FixedCandidates
    kinds = FixedCandidates.kinds

    def choose(self, p: Distribution, siblings: Sequence[int], tree: Tree, draws: Draws) -> Choice:
        node, token = FixedCandidates().choose(p, siblings, tree, draws)
        return (node, token) if node is not None else (None, p)


@dataclass(frozen=True)
class ForgetsTheGroup(Mutant):
    """Offers every sibling group the target's whole distribution, not what the groups before it left."""

    breaks = Exact
    kinds = Exact.kinds

    def choose(self, p: Distribution, siblings: Sequence[int], tree: Tree, draws: Draws) -> Choice:
        rest: Distribution | int = p
        for _, group in groupby(siblings, key=lambda node: (tree.kinds[node], id(tree.q[node]))):
            node, rest = Exact().choose(p, list(group), tree, draws)
            if node is not None:
                return node, rest
        return None, rest if siblings else p


@dataclass(frozen=True)
class FixedFirst(Mutant):
    """Looks at fixed candidates first, and then at the sampled ones as if nothing had been decided."""

    breaks = Exact
    kinds = Exact.kinds

    def choose(self, p: Distribution, siblings: Sequence[int], tree: Tree, draws: Draws) -> Choice:
        fixed = [node for node in siblings if tree.kinds[node] is Kind.FIXED]
        node, rest = FixedCandidates().choose(p, fixed, tree, draws)
        if node is not None or len(fixed) == len(siblings):
            return node, rest
        return Exact().choose(p, [node for node in siblings if node not in fixed], tree, draws)


def mutants() -> list[Mutant]:
    """All of them."""
    return [cls() for cls in Mutant.__subclasses__() if cls.__module__ == __name__]


def worst_error(mutant: Mutant, combinations: Iterable[PartCombination], enough: float = math.inf) -> float:
    """The largest error that the law kit finds when `mutant` takes the place of the verifier that it breaks in `combinations`; the search
    ends at `enough`."""
    worst = 0.0
    for combination in reversed(list(combinations)):  # the unions, whose siblings are of mixed kinds, come last
        if worst < enough and type(combination.recipe.verifier) is mutant.breaks:
            recipe = combination.recipe.replace(verifier=mutant)
            worst = max(worst, law_report(recipe, combination.sampler, combination.case).error)
    return worst
