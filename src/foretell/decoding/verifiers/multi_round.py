"""Multi-round speculative sampling: siblings drawn independently from q. With one sibling it is speculative sampling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from foretell.decoding.distribution import Distribution
from foretell.decoding.draws import Draws
from foretell.decoding.tree import Kind, Tree
from foretell.decoding.verifier import Guarantee, Verifier, odds


@dataclass(frozen=True)
class MultiRound(Verifier):
    """Try siblings in drawing order: accept x with probability min(1, p(x)/q(x)); after a rejection p becomes
    normalise(max(0, p - q)). If none is accepted, the next token is drawn from the last residual.

    Guarantee: exact. Condition: siblings are independent draws from their q (kind SAMPLED), after the target's own warps.
    Needs: q of each sibling group. Cost: one Bernoulli draw per tried sibling, one residual per rejection. State: none.

    With one sibling per node it is speculative sampling (Leviathan et al., "Fast Inference from Transformers via Speculative
    Decoding", section 2.3; Chen et al., "Accelerating Large Language Model Decoding with Speculative Sampling", section 2);
    with several it is SpecInfer's multi-step speculative sampling (Miao et al., "SpecInfer", section 4.3). For siblings drawn without
    replacement use `RecursiveRejection`.

    >>> from foretell.decoding.draws import SampledDraws
    >>> from foretell.decoding.verifier import Target
    >>> tree = Tree()
    >>> q = Distribution.point(3, 1)
    >>> node = tree.add(1, kind=Kind.SAMPLED, q=q)
    >>> MultiRound().decide(tree, Target(lambda node: Distribution.point(3, 1)), SampledDraws(0), 0)
    Decision(path=[0], token=1)
    """

    papers = ("speculative-decoding", "speculative-sampling", "specinfer")
    guarantee = Guarantee("exact", "siblings are independent draws from the q they carry")
    kinds = frozenset({Kind.SAMPLED})

    def choose(self, p: Distribution, siblings: Sequence[int], tree: Tree, draws: Draws) -> tuple[int | None, Distribution | int]:
        for node in siblings:
            token, q = tree.tokens[node], tree.q[node]
            assert q is not None  # Tree.add requires it
            if draws.bernoulli(odds(p, q, token)):
                return node, p
            p = p.minus(q)
        return None, p
