"""What a pace orders of a drafter: how much, and choices of how; and what drafting costs, which it decides by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from foretell.decoding.cost_curve import CostCurve


class Choice:
    """Base of what a pace may choose about drafting beside its size. A drafter reads the kinds it knows (`Ask.choice`); a new kind is a
    new subclass, and no other part has to know it."""


@dataclass(frozen=True)
class ExitLayer(Choice):
    """Draft with the exit after this layer of the target."""

    layer: int


@dataclass(frozen=True)
class ConfidenceStop(Choice):
    """Draft no further after a token where the best one's probability was below this."""

    threshold: float


@dataclass(frozen=True)
class Member(Choice):
    """Of a drafter that asks one of several (`a ^ b`), ask the one of this number, counted from 0."""

    number: int


AnyChoice = TypeVar("AnyChoice", bound=Choice)


@dataclass(frozen=True)
class DraftOrder:
    """A pace's answer: draft at most `num_nodes` tokens, at most `depth` deep, with these choices. No choice leaves it to the drafter.

    >>> DraftOrder(4, 4, (ConfidenceStop(0.5),)).choice(ConfidenceStop)
    ConfidenceStop(threshold=0.5)
    """

    num_nodes: int
    depth: int
    choices: tuple[Choice, ...] = ()

    def choice(self, kind: type[AnyChoice]) -> AnyChoice | None:
        """The choice of that kind, or None."""
        return next((choice for choice in self.choices if isinstance(choice, kind)), None)


#: The order to draft nothing.
NOTHING = DraftOrder(0, 0)


def free(depth: int) -> float:
    """The cost of drafts that are looked up: none that matters."""
    return 0.0


@dataclass(frozen=True)
class DraftCosts:
    """What steps and drafts cost, in seconds. curve: t(n) of the target. draft(depth): of drafting so deep. members[i](depth): of the same
    where member i of the drafter does it, for drafters of which a step asks one (`a ^ b`); one entry for any other drafter."""

    curve: CostCurve = CostCurve.flat()  # noqa: RUF009
    draft: Callable[[int], float] = free
    members: tuple[Callable[[int], float], ...] = (free,)


#: Steps that all cost the same, and drafts that cost nothing.
NO_COSTS = DraftCosts()
