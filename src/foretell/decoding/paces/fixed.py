"""The pace that always drafts the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from foretell.decoding.pace import Limit, Pace
from foretell.decoding.pacing.cost_curve import CostCurve
from foretell.parts import require


@dataclass(frozen=True)
class Fixed(Pace):
    """The same limit every step, for every request.

    num_nodes: drafted tokens a step at most (gamma in Leviathan et al.).

    Guarantee: none of its own. Needs: nothing. Cost: none. State: none.
    Leviathan et al., "Fast Inference from Transformers via Speculative Decoding", section 2.

    >>> Fixed(4).limit(None, CostCurve.flat(), lambda depth: 0.0)
    Limit(num_nodes=4, depth=4)
    """

    papers = ("speculative-decoding",)

    num_nodes: int = 8

    def __post_init__(self) -> None:
        require(isinstance(self.num_nodes, int) and self.num_nodes >= 0, self, "num_nodes", self.num_nodes, "must be 0 or above")

    @classmethod
    def examples(cls) -> list[Fixed]:
        return [cls(), cls(3)]

    def limit(self, state: Any, curve: CostCurve, draft_cost: Callable[[int], float]) -> Limit:
        return Limit(self.num_nodes, self.num_nodes)
