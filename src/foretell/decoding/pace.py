"""The contract of paces: how much to draft. Zero is an answer."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from foretell.decoding.drafter import Setting
from foretell.decoding.pacing.cost_curve import CostCurve
from foretell.decoding.tree import Tree
from foretell.parts import Part


class Limit(NamedTuple):
    """At most so many nodes, at most so deep."""

    num_nodes: int
    depth: int


class Pace(Part):
    """Settings of a pacing rule. Memory lives across requests, state within one. A pace never looks at the clock: what it
    decides follows from the cost curve and from what was accepted, so that a seed gives the same text again."""

    @property
    def needs_curve(self) -> bool:
        """Whether the loop must measure the model's cost curve first."""
        return False

    def remember(self, num_members: int = 1) -> Any:
        """Memory kept across requests. num_members: of the drafter, for paces that say which of them drafts."""
        return None

    def begin(self, memory: Any, alone: bool = False) -> Any:
        """State for a new request. alone: decide for it without regard to other requests, past or present: where drafts
        are sampled, how much is drafted changes the text, and the same seed must give the same text in any company."""
        return memory

    @abstractmethod
    def limit(self, state: Any, curve: CostCurve, draft_cost: Callable[..., float]) -> Limit:
        """Asked before drafting, for each request. draft_cost(depth): seconds that drafting so deep takes; draft_cost(depth, member):
        if that member of the drafter does it."""

    def setting(self, state: Any) -> Setting:
        """How the drafter should draft within that limit; asked after `limit`, for paces that choose more than a length."""
        return Setting()

    def trim(self, states: Sequence[Any], trees: Sequence[Tree], curve: CostCurve) -> list[Tree]:
        """Asked once more when the proposals of the whole batch are there: the parts of them worth verifying."""
        return list(trees)

    def observe(self, state: Any, tree: Tree, path: Sequence[int]) -> None:
        """Learn from a verify pass: the tree that was verified (empty: nothing was drafted) and its accepted nodes."""

    def learn(self, state: Any, measured: Any) -> None:
        """What the drafter's `observe` returned, where it did: a pace takes the measurements it knows and passes over others."""
