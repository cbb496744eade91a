"""Multi-round speculative sampling: siblings drawn independently from q. With one sibling it is the classic chain rule."""

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
    normalise(max(0, p - q)). None accepted: the next token is drawn from the last residual.

    Guarantee: exact. Condition: siblings are independent draws from their q (kind SAMPLED), after the target's own warps.
    Needs: q of each sibling group. Cost: one coin a tried sibling, one residual a rejection. State: none.

    One sibling a node is speculative sampling (Leviathan et al., "Fast Inference from Transformers via Speculative
    Decoding", section 2.3; Chen et al., "Accelerating Large Language Model Decoding with Speculative Sampling", section 2);
    several are SpecInfer's multi-step speculative sampling (Miao et al., "SpecInfer", section 4.3). Not to be confused with
    `RecursiveRejection`, which is for siblings drawn without replacement.

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
            assert q is not None  # Tree.add saw to it
            if draws.bernoulli(odds(p, q, token)):
                return node, p
            p = p.minus(q)
        return None, p
