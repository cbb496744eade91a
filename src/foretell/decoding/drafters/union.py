"""`a | b`: one tree from several drafters' proposals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from foretell.decoding.drafter import Ask, Drafter
from foretell.decoding.drafters.composite import Composite
from foretell.decoding.tree import Tree


@dataclass(frozen=True)
class Union(Composite):
    """All drafters propose; equal fixed paths are merged, the rest stand side by side under one root. Written `a | b`.

    drafters: two or more; earlier ones come first in the tree.

    The first drafter's nodes come first, so a fixed budget favours it; the never-slower pace picks nodes by what each drafter's
    have been worth. Guarantee: exact under a verifier that takes all the parts' kinds. Needs, state: those of the parts. Cost: all
    proposals. Boosted tree union: Miao et al., "SpecInfer", section 3 (merge-based token tree construction).

    >>> from foretell.decoding.drafters.plain import Plain
    >>> Union((Plain(), Plain())).propose([])
    []
    """

    papers = ("specinfer",)

    drafters: tuple[Drafter, ...] = ()

    symbol = "|"

    def propose(self, asks: Sequence[Ask]) -> list[Tree]:
        trees = [Tree() for _ in asks]
        for number, drafter in enumerate(self.drafters):
            proposals = drafter.propose(self.asks_of(number, asks))
            trees = [tree.union(proposal) if len(tree) else proposal for tree, proposal in zip(trees, proposals, strict=True)]
        return [tree.clip(ask.num_nodes, ask.depth) for tree, ask in zip(trees, asks, strict=True)]
