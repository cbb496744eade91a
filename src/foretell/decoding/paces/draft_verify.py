"""Draft & Verify: drafting stops below a confidence threshold, which adapts to the acceptance rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from foretell.decoding.draft_order import ConfidenceStop, DraftCosts, DraftOrder
from foretell.decoding.pace import Pace
from foretell.decoding.tree import Tree
from foretell.parts import require


@dataclass
class _State:
    threshold: float
    acceptance: float


@dataclass(frozen=True)
class DraftVerify(Pace[None, _State]):
    """Draft until the best token's probability falls below a threshold, at most `max_nodes` tokens.

    After each step the acceptance rate is smoothed, A <- smooth * A + (1 - smooth) * (accepted / drafted). The threshold moves towards a
    value `step` higher where A is at or below `target`, else `step` lower, by the fraction 1 - inertia.
    threshold: the initial one. With drafters that ignore the threshold this equals `fixed(max_nodes)`.

    Guarantee: none of its own; exact verifiers stay exact, because the threshold depends on earlier steps only. Needs: a drafter that
    stops by confidence. Cost: none. State: threshold and acceptance, for each request alone.

    Zhang et al., "Draft & Verify: Lossless Large Language Model Acceleration via Self-Speculative Decoding", section 3.3 (adaptive
    draft-exiting). Errors: UserError for numbers outside [0, 1] and for max_nodes below 1.

    >>> pace = DraftVerify()
    >>> state = pace.begin(None)
    >>> pace.observe(state, Tree.chain([7, 8]), [])
    >>> round(pace.limit(state, DraftCosts()).choice(ConfidenceStop).threshold, 3)
    0.601
    """

    papers = ("draft-and-verify",)

    threshold: float = 0.6
    max_nodes: int = 18
    target: float = 0.9
    step: float = 0.01
    smooth: float = 0.5
    inertia: float = 0.9

    def __post_init__(self) -> None:
        for name in ("threshold", "target", "step", "smooth", "inertia"):
            require(0 <= getattr(self, name) <= 1, self, name, getattr(self, name), "must lie between 0 and 1")
        require(isinstance(self.max_nodes, int) and self.max_nodes >= 1, self, "max_nodes", self.max_nodes, "must be at least 1")

    @classmethod
    def examples(cls) -> list[DraftVerify]:
        return [cls(max_nodes=2)]

    def begin(self, memory: None, alone: bool = False) -> _State:
        return _State(self.threshold, self.target)

    def limit(self, state: _State, costs: DraftCosts) -> DraftOrder:
        return DraftOrder(self.max_nodes, self.max_nodes, (ConfidenceStop(state.threshold),))

    def observe(self, state: _State, tree: Tree, path: Sequence[int]) -> None:
        if not len(tree):
            return
        state.acceptance = self.smooth * state.acceptance + (1 - self.smooth) * len(path) / max(tree.depths())
        aim = state.threshold + (self.step if state.acceptance <= self.target else -self.step)
        state.threshold = min(max(self.inertia * state.threshold + (1 - self.inertia) * aim, 0.0), 1.0)
