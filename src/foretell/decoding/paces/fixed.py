"""The pace with a constant limit."""

from __future__ import annotations

from dataclasses import dataclass

from foretell.decoding.draft_order import DraftCosts, DraftOrder
from foretell.decoding.pace import Pace
from foretell.parts import require


@dataclass(frozen=True)
class Fixed(Pace[None, None]):
    """The same limit in every step, for every request.

    num_nodes: most drafted tokens per step (gamma in Leviathan et al.).

    Guarantee: none of its own. Needs: nothing. Cost: none. State: none.
    Leviathan et al., "Fast Inference from Transformers via Speculative Decoding", section 2.

    >>> Fixed(4).limit(None, DraftCosts())
    DraftOrder(num_nodes=4, depth=4, choices=())
    """

    papers = ("speculative-decoding",)

    num_nodes: int = 8

    def __post_init__(self) -> None:
        require(isinstance(self.num_nodes, int) and self.num_nodes >= 0, self, "num_nodes", self.num_nodes, "must be 0 or above")

    @classmethod
    def examples(cls) -> list[Fixed]:
        return [cls(), cls(3)]

    def limit(self, state: None, costs: DraftCosts) -> DraftOrder:
        return DraftOrder(self.num_nodes, self.num_nodes)
