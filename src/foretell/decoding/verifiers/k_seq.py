"""K-SEQ: independently drawn siblings are tried in sequence, with acceptance probabilities scaled down so that the rule is exact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from foretell.decoding.distribution import Distribution
from foretell.decoding.draws import Draws
from foretell.decoding.tree import Kind, Tree
from foretell.decoding.verifier import Guarantee, Verifier, odds

#: Halvings of the interval of rho. The upper end is used, for which the rule is exact whatever the width of the interval.
_HALVINGS = 12


@dataclass(frozen=True)
class KSeq(Verifier):
    """Try the K siblings in drawing order: accept x with probability min(1, p(x) / (rho q(x))). If none is accepted, the next token is
    drawn from the residual of p after subtracting the probability that each token was accepted.

    With beta = sum of min(q, p / rho), the acceptance probability of one sibling, some sibling is accepted as x with probability
    min(q(x), p(x) / rho) S, where S = 1 + (1 - beta) + ... + (1 - beta)^(K - 1). The smallest rho in [1, K] that keeps this
    at most p(x) everywhere, S = rho, is found by bisection. With one sibling, rho = 1: speculative sampling.

    Guarantee: exact. Condition: siblings are independent draws from their q (kind SAMPLED), after the target's own warps, and
    their number does not depend on their tokens. Needs: q of each sibling group. Cost: one Bernoulli draw per tried sibling, about 14 sums
    over the vocabulary per group of two or more. State: none.

    Sun et al., "SpecTr: Fast Speculative Decoding via Optimal Transport", the section on k-sequential selection. Notation: p
    is the target's distribution and q the draft's (swapped in the paper). Departure: every node of a tree is verified this way; the paper
    has K chains from the root.

    >>> from foretell.decoding.draws import SampledDraws
    >>> from foretell.decoding.verifier import Target
    >>> tree, q = Tree(), Distribution.of([0.5, 0.5])
    >>> _ = [tree.add(token, kind=Kind.SAMPLED, q=q) for token in (0, 1)]
    >>> KSeq().decide(tree, Target(lambda node: Distribution.point(2, 1)), SampledDraws(0), 0).token
    1
    """

    papers = ("spectr",)
    guarantee = Guarantee("exact", "siblings are independent draws from the q they carry, as many as was settled before they were drawn")
    kinds = frozenset({Kind.SAMPLED})

    def choose(self, p: Distribution, siblings: Sequence[int], tree: Tree, draws: Draws) -> tuple[int | None, Distribution | int]:
        # In a union there may be a second group, drawn from another q: its target is the residual of the first group.
        for _, members in groupby(siblings, key=lambda node: id(tree.q[node])):
            group = list(members)
            q = tree.q[group[0]]
            assert q is not None  # Tree.add requires it
            common = q.at(p.ids)
            rho, times = _rho(p.probs, common, len(group))
            for node in group:
                if draws.bernoulli(odds(p, q, tree.tokens[node]) / rho):
                    return node, p
            rest = np.maximum(p.probs - np.minimum(common, p.probs / rho) * times, 0.0)
            if rest.any():  # else p and q are equal, and the rejection was a rounding error
                p = Distribution.of(rest, p.ids, p.size)
        return None, p


def _rho(p: NDArray[np.float64], q: NDArray[np.float64], num: int) -> tuple[float, float]:
    """(rho, S) for `num` siblings; p and q (k,) on the target's support."""

    def times(rho: float) -> float:
        miss = 1.0 - float(np.minimum(q, p / rho).sum())
        return sum(miss**tried for tried in range(num))

    low, high = 1.0, float(num)  # S is at most the number of siblings
    if num == 1 or times(low) <= low:
        return low, times(low)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if times(middle) <= middle else (middle, high)
    return high, times(high)
