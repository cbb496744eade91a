"""The contract of paces: they decide how much to draft, which may be nothing."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from foretell.decoding.draft_order import NO_COSTS, DraftCosts, DraftOrder
from foretell.decoding.tree import Tree
from foretell.parts import Part

#: What a pace keeps across requests, and what it keeps for one request.
Memory = TypeVar("Memory")
State = TypeVar("State")


class Pace(Part, Generic[Memory, State]):
    """Settings of a pacing rule. Memory lives across requests, state within one. A pace never reads the clock: its decisions depend on
    the cost curve and on the accepted tokens only, so that the same seed gives the same text."""

    def remember(self, costs: DraftCosts = NO_COSTS) -> Memory:
        """Memory kept across requests. costs: those of the session's model and drafter."""
        return None  # type: ignore[return-value]

    def begin(self, memory: Memory, alone: bool = False) -> State:
        """State for a new request. alone: decisions must not depend on other requests, past or present. Where drafts are sampled, the
        size of the draft changes the text, and the same seed must give the same text whatever else is decoded."""
        return memory  # type: ignore[return-value]

    @abstractmethod
    def limit(self, state: State, costs: DraftCosts) -> DraftOrder:
        """How much to draft, and how; called for each request before drafting. costs: of a step over all requests that are decided
        together, or over this one where it is decided alone."""

    def trim(self, states: Sequence[State], trees: Sequence[Tree], costs: DraftCosts) -> list[Tree]:
        """The subtrees to verify; called after drafting with the proposals of all requests that are decided together, and for each that is
        decided alone."""
        return list(trees)

    def observe(self, state: State, tree: Tree, path: Sequence[int]) -> None:
        """Learn from a verification pass: the verified tree (empty where nothing was drafted) and its accepted nodes."""

    def learn(self, state: State, measured: Any) -> None:
        """Learn from what the drafter measured of this request (`Drafter.observe`). A pace ignores measurements that it does not know."""
