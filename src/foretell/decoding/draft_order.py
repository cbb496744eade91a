"""What a pace tells a drafter (size limits and further choices), and the costs that it decides by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from foretell.decoding.cost_curve import CostCurve


class Choice:
    """Base of the choices that a pace may make beside the size of the draft. A drafter reads the kinds that it supports (`Ask.choice`)
    and ignores others; a new kind is a new subclass."""


@dataclass(frozen=True)
class ExitLayer(Choice):
    """Draft with the exit after this layer of the target. layer: from 1."""

    layer: int


@dataclass(frozen=True)
class ConfidenceStop(Choice):
    """Stop drafting after a token where the most probable token had a probability below `threshold`."""

    threshold: float


@dataclass(frozen=True)
class Member(Choice):
    """In a drafter that uses one of several members a step (`a ^ b`), use member `number`, counted from 0."""

    number: int


AnyChoice = TypeVar("AnyChoice", bound=Choice)


@dataclass(frozen=True)
class DraftOrder:
    """A pace's answer: draft at most `num_nodes` tokens, at most `depth` deep, with these choices. What is not chosen, the drafter decides.

    >>> DraftOrder(4, 4, (ConfidenceStop(0.5),)).choice(ConfidenceStop)
    ConfidenceStop(threshold=0.5)
    """

    num_nodes: int
    depth: int
    choices: tuple[Choice, ...] = ()

    def choice(self, kind: type[AnyChoice]) -> AnyChoice | None:
        """The choice of class `kind`, or None."""
        return next((choice for choice in self.choices if isinstance(choice, kind)), None)


#: The order to draft nothing.
NOTHING = DraftOrder(0, 0)


def free(depth: int) -> float:
    """The cost, 0 seconds, of drafts that are looked up in a table."""
    return 0.0


@dataclass(frozen=True)
class DraftCosts:
    """The costs of steps and drafts, in seconds. curve: t(n) of the target. draft(depth): of drafting to that depth. members[i](depth): the
    same for member i, in drafters that use one of several members a step (`a ^ b`); other drafters have one entry."""

    curve: CostCurve = CostCurve.flat()  # noqa: RUF009
    draft: Callable[[int], float] = free
    members: tuple[Callable[[int], float], ...] = (free,)


#: Costs for tests: every step costs 1 second, and drafts cost nothing.
NO_COSTS = DraftCosts()
