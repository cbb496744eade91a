"""Recursive rejection sampling: siblings drawn from q without replacement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from foretell.decoding.distribution import Distribution
from foretell.decoding.draws import Draws
from foretell.decoding.tree import Kind, Tree
from foretell.decoding.verifier import Guarantee, Verifier, odds


@dataclass(frozen=True)
class RecursiveRejection(Verifier):
    """As `MultiRound`, but after each rejection the tried token is also removed from q, which is renormalised: this is the
    distribution that the next sibling was drawn from. With as many siblings as the vocabulary has tokens, one is always accepted.

    Guarantee: exact. Condition: siblings are draws without replacement from their q (kind WITHOUT_REPLACEMENT), in drawing order.
    Needs: q of each sibling group. Cost: one Bernoulli draw per tried sibling, one residual per rejection. State: none.

    Jeon et al., "Recursive Speculative Decoding: Accelerating LLM Inference via Sampling Without Replacement", section 3.
    Notation: p is the target's distribution and q the draft's (swapped in the paper).

    >>> from foretell.decoding.draws import SampledDraws
    >>> from foretell.decoding.verifier import Target
    >>> tree, q = Tree(), Distribution.of([0.5, 0.5])
    >>> _ = [tree.add(token, kind=Kind.WITHOUT_REPLACEMENT, q=q) for token in (0, 1)]
    >>> RecursiveRejection().decide(tree, Target(lambda node: Distribution.point(2, 1)), SampledDraws(0), 0)
    Decision(path=[1], token=1)
    """

    papers = ("rsd",)
    guarantee = Guarantee("exact", "siblings are draws without replacement from the q they carry, in drawing order")
    kinds = frozenset({Kind.WITHOUT_REPLACEMENT})

    def choose(self, p: Distribution, siblings: Sequence[int], tree: Tree, draws: Draws) -> tuple[int | None, Distribution | int]:
        group = q = None
        for node in siblings:
            token = tree.tokens[node]
            if tree.q[node] is not group:  # in a union there may be a second group, drawn from its own q
                group = q = tree.q[node]
            assert q is not None  # Tree.add requires it
            if draws.bernoulli(odds(p, q, token)):
                return node, p
            p, q = p.minus(q), q.without(token)
        return None, p
