"""Verification of fixed candidates: draw the target's token and check whether it was drafted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from foretell.decoding.distribution import Distribution
from foretell.decoding.draws import Draws
from foretell.decoding.tree import Kind, Tree
from foretell.decoding.verifier import Guarantee, Verifier


@dataclass(frozen=True)
class FixedCandidates(Verifier):
    """Draw x ~ p at the node. If x is among the candidates, accept it and continue there; otherwise x ends the step.

    Each candidate x is accepted with probability p(x), the largest that any exact rule can give to a candidate that was
    not drawn at random. At temperature 0 this is "longest matching path".

    Guarantee: exact. Moreover, the text equals that of plain decoding with the same seed, token by token, because the draw at a position
    does not depend on the draft. Condition: candidates do not depend on the draws (kind FIXED).
    Needs: target rows at the visited nodes. Cost: one draw per visited node. State: none.

    Also called naive sampling (Miao et al., "SpecInfer", section 4.3) and longest-prefix match when greedy.

    >>> from foretell.decoding.draws import SampledDraws
    >>> from foretell.decoding.verifier import Target
    >>> tree = Tree.chain([2, 3])
    >>> FixedCandidates().decide(tree, Target(lambda node: Distribution.point(5, 2 if node < 0 else 4)), SampledDraws(0), 0)
    Decision(path=[0], token=4)
    """

    papers = ("specinfer",)
    guarantee = Guarantee("exact", "candidates are chosen without looking at the draws")
    kinds = frozenset({Kind.FIXED})

    def choose(self, p: Distribution, siblings: Sequence[int], tree: Tree, draws: Draws) -> tuple[int | None, Distribution | int]:
        token = p.draw(draws)
        return next((node for node in siblings if tree.tokens[node] == token), None), token
