"""The drafter that proposes nothing: the loop with it is plain autoregressive decoding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from foretell.decoding.drafter import Ask, Drafter, Traits
from foretell.decoding.tree import Tree


@dataclass(frozen=True)
class Plain(Drafter[None, None]):
    """Propose nothing; each step adds one token.

    Guarantee: exact (it is the distribution others are compared with). Needs: nothing. Cost: none. State: none.

    >>> Plain().propose([])
    []
    """

    @property
    def traits(self) -> Traits:
        return Traits(proposes=False)

    def propose(self, asks: Sequence[Ask]) -> list[Tree]:
        return [Tree() for _ in asks]
