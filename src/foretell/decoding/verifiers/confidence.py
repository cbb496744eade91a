"""Acceptance by the drafter's confidence: a token with a high draft probability is accepted unchecked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from foretell.decoding.distribution import Distribution
from foretell.decoding.draws import Draws
from foretell.decoding.tree import Kind, Tree
from foretell.decoding.verifier import Guarantee, Verifier
from foretell.decoding.verifiers.fixed_candidates import FixedCandidates
from foretell.parts import require


@dataclass(frozen=True)
class Confidence(Verifier):
    """Accept the first candidate to which its drafter gives a probability of `beta` or more; otherwise the target decides.

    beta: above 0, at most 1. Nodes whose drafter states no confidence are decided by the target, as under `fixed-candidates`.

    Guarantee: lossy; tokens of high confidence are accepted unchecked. Needs: fixed candidates that state a confidence. Cost: none where
    it accepts, else one draw. State: none.
    Departures: the paper ends the span at the first token below `beta`; here the target, whose row is computed in any
    case, may still accept that token.
    Errors: UserError for a beta outside (0, 1]; KindMismatchError for sampled drafts.

    Sun et al., "Decoding at the Speed of Thought: Harnessing Parallel Decoding of Lexical Units for LLMs", section 3.3 (adaptive
    acceptance).

    >>> from foretell.decoding.draws import SampledDraws
    >>> from foretell.decoding.verifier import Target
    >>> tree = Tree()
    >>> _ = tree.add(2, confidence=0.95)
    >>> Confidence(0.9).decide(tree, Target(lambda node: Distribution.point(5, 4)), SampledDraws(0), 0)
    Decision(path=[0], token=4)
    """

    papers = ("lexical-unit",)

    beta: float = 0.9

    guarantee = Guarantee("lossy", "tokens that the drafter is sure of are written unchecked")
    kinds = frozenset({Kind.FIXED})

    def __post_init__(self) -> None:
        require(0 < self.beta <= 1, self, "beta", self.beta, "must be a probability above 0; the verifier `exact` checks every token")

    def choose(self, p: Distribution, siblings: Sequence[int], tree: Tree, draws: Draws) -> tuple[int | None, Distribution | int]:
        for node in siblings:
            confidence = tree.confidences[node]
            if confidence is not None and confidence >= self.beta:
                return node, p
        return FixedCandidates().choose(p, siblings, tree, draws)
