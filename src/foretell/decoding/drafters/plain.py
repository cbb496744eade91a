"""The drafter without proposals: plain autoregressive decoding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from foretell.decoding.drafter import Ask, Drafter, Traits
from foretell.decoding.tree import Tree


@dataclass(frozen=True)
class Plain(Drafter[None, None]):
    """Proposes nothing, so each step adds one token.

    Guarantee: exact (other drafters are compared with it). Needs: nothing. Cost: none. State: none.

    >>> Plain().propose([])
    []
    """

    @property
    def traits(self) -> Traits:
        return Traits(proposes=False, rests=True)

    def propose(self, asks: Sequence[Ask]) -> list[Tree]:
        return [Tree() for _ in asks]
