"""The default verifier: exact for every draw kind, also for mixed kinds below one node."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from foretell.decoding.distribution import Distribution
from foretell.decoding.draws import Draws
from foretell.decoding.tree import Kind, Tree
from foretell.decoding.verifier import Guarantee, Verifier
from foretell.decoding.verifiers.fixed_candidates import FixedCandidates
from foretell.decoding.verifiers.multi_round import MultiRound
from foretell.decoding.verifiers.recursive_rejection import RecursiveRejection


@dataclass(frozen=True)
class Exact(Verifier):
    """Applies to each sibling group the rule of its draw kind. Sampled groups come first, and their residual is the target of the next
    group; fixed candidates come last, because their rule draws the next token itself.

    Guarantee: exact. Condition: each node's kind and q are those that it was drawn with. Why groups compose: a rejected group leaves the
    distribution of the next token given the rejection, which is the target of the next group, drawn independently.
    Needs: q of sampled groups. Cost: that of the rules. State: none.

    Rules: Jeon et al., "Recursive Speculative Decoding" (section 3), Miao et al., "SpecInfer" (section 4.3), Leviathan et
    al., "Fast Inference from Transformers via Speculative Decoding" (section 2.3).

    >>> from foretell.decoding.draws import SampledDraws
    >>> from foretell.decoding.verifier import Target
    >>> Exact().decide(Tree.chain([2]), Target(lambda node: Distribution.point(5, 2)), SampledDraws(0), 0)
    Decision(path=[0], token=2)
    """

    papers = ("rsd", "specinfer", "speculative-decoding")
    guarantee = Guarantee("exact", "each node's kind and q say truly how it was drawn")
    kinds = frozenset(Kind)

    def choose(self, p: Distribution, siblings: Sequence[int], tree: Tree, draws: Draws) -> tuple[int | None, Distribution | int]:
        if not siblings:
            return None, p.draw(draws)
        fixed = [node for node in siblings if tree.kinds[node] is Kind.FIXED]
        if len(fixed) < len(siblings):
            sampled = [node for node in siblings if tree.kinds[node] is not Kind.FIXED]
            # In a union there may be two groups of one kind; they are distinguished by their q object.
            for (kind, _), group in groupby(sampled, key=lambda node: (tree.kinds[node], id(tree.q[node]))):
                child, rest = _RULES[kind].choose(p, list(group), tree, draws)
                if child is not None:
                    return child, rest
                assert isinstance(rest, Distribution)
                p = rest
        return _RULES[Kind.FIXED].choose(p, fixed, tree, draws)


_RULES: dict[Kind, Verifier] = {
    Kind.FIXED: FixedCandidates(),
    Kind.SAMPLED: MultiRound(),
    Kind.WITHOUT_REPLACEMENT: RecursiveRejection(),
}
