"""The contract of paces: how much to draft. Zero is an answer."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from foretell.decoding.draft_order import NO_COSTS, DraftCosts, DraftOrder
from foretell.decoding.tree import Tree
from foretell.parts import Part

#: What a pace keeps across requests, and what it keeps of one request.
Memory = TypeVar("Memory")
State = TypeVar("State")


class Pace(Part, Generic[Memory, State]):
    """Settings of a pacing rule. Memory lives across requests, state within one. A pace never looks at the clock: what it
    decides follows from the cost curve and from what was accepted, so that a seed gives the same text again."""

    def remember(self, costs: DraftCosts = NO_COSTS) -> Memory:
        """Memory kept across requests. costs: of the session's model and drafter."""
        return None  # type: ignore[return-value]

    def begin(self, memory: Memory, alone: bool = False) -> State:
        """State for a new request. alone: decide for it without regard to other requests, past or present: where drafts
        are sampled, how much is drafted changes the text, and the same seed must give the same text in any company."""
        return memory  # type: ignore[return-value]

    @abstractmethod
    def limit(self, state: State, costs: DraftCosts) -> DraftOrder:
        """Asked before drafting, for each request: how much to draft, and how."""

    def trim(self, states: Sequence[State], trees: Sequence[Tree], costs: DraftCosts) -> list[Tree]:
        """Asked once more when the proposals of the whole batch are there: the parts of them worth verifying."""
        return list(trees)

    def observe(self, state: State, tree: Tree, path: Sequence[int]) -> None:
        """Learn from a verify pass: the tree that was verified (empty: nothing was drafted) and its accepted nodes."""

    def learn(self, state: State, measured: Any) -> None:
        """What the drafter's `observe` returned of this request, where it did: a pace takes the measurements it knows."""
