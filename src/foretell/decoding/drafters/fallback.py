"""`a > b`: the first drafter drafts; where it has no proposal, the next one does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from foretell.decoding.drafter import Ask, Drafter
from foretell.decoding.drafters.composite import Composite
from foretell.decoding.tree import Tree


@dataclass(frozen=True)
class Fallback(Composite):
    """The first drafter with a non-empty proposal drafts in a step; all of them observe the result. Written `a > b`.

    drafters: two or more, in order of preference.

    Guarantee: exact under a verifier that takes all the parts' kinds. Needs, state: those of the parts. Cost: proposals of the
    drafters asked. This composition is Foretell's own; cascades of drafters are described in Chen et al., "Cascade Speculative
    Drafting", section 4.

    >>> from foretell.decoding.drafters.plain import Plain
    >>> Fallback((Plain(), Plain())).propose([])
    []
    """

    papers = ("cascade-drafting",)

    drafters: tuple[Drafter, ...] = ()

    symbol = ">"

    def propose(self, asks: Sequence[Ask]) -> list[Tree]:
        trees = [Tree() for _ in asks]
        waiting = list(range(len(asks)))
        for number, drafter in enumerate(self.drafters):
            if not waiting:
                break
            for i, tree in zip(waiting, drafter.propose(self.asks_of(number, [asks[i] for i in waiting])), strict=True):
                trees[i] = tree
            waiting = [i for i in waiting if not len(trees[i])]
        return trees
