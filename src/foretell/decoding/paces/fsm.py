"""The finite-state pace: drafts get longer after a fully accepted draft, and shorter otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from foretell.decoding.draft_order import DraftCosts, DraftOrder
from foretell.decoding.pace import Pace
from foretell.decoding.tree import Tree
from foretell.parts import require


@dataclass
class _State:
    length: int


@dataclass(frozen=True)
class Fsm(Pace[None, _State]):
    """Draft to depth g. After a draft that was accepted to its full depth, g grows by `up`; after any other draft it shrinks by `down`.

    start, max_nodes: first and largest g; the least is 1. up, down: (1, 1) is the rule that DEL is compared with, (2, 1) that of assisted
    generation in transformers.

    Guarantee: none of its own; exact verifiers stay exact, because g depends on earlier steps only. Needs: nothing. Cost: none. State: g,
    for each request alone. Zarch et al., "DEL: Context-Aware Dynamic Exit Layer for Efficient Self-Speculative Decoding", section 4
    (baseline FSM). Errors: UserError for numbers below 1.

    >>> pace = Fsm(start=2)
    >>> state = pace.begin(None)
    >>> pace.observe(state, Tree.chain([7, 8]), [0, 1])
    >>> pace.limit(state, DraftCosts()).depth
    3
    """

    papers = ("del",)

    start: int = 4
    max_nodes: int = 18
    up: int = 1
    down: int = 1

    def __post_init__(self) -> None:
        for name in ("start", "max_nodes", "up", "down"):
            value = getattr(self, name)
            require(isinstance(value, int) and value >= 1, self, name, value, "must be at least 1")
        require(self.start <= self.max_nodes, self, "start", self.start, f"must be at most max_nodes={self.max_nodes}")

    @classmethod
    def examples(cls) -> list[Fsm]:
        return [cls(start=1, max_nodes=2)]

    def begin(self, memory: None, alone: bool = False) -> _State:
        return _State(self.start)

    def limit(self, state: _State, costs: DraftCosts) -> DraftOrder:
        return DraftOrder(state.length, state.length)

    def observe(self, state: _State, tree: Tree, path: Sequence[int]) -> None:
        if len(tree):
            whole = len(path) == max(tree.depths())
            state.length = min(max(state.length + (self.up if whole else -self.down), 1), self.max_nodes)
