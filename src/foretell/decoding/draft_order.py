"""What a pace tells a drafter (size limits and further choices), and the costs that it decides by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
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
    rest: for how many steps, from this one on, nothing is drafted and the drafter need not observe either, where it can do without
    (`Traits.rests`); as long as the batch stays the same, the pace may not be asked again before.

    >>> DraftOrder(4, 4, (ConfidenceStop(0.5),)).choice(ConfidenceStop)
    ConfidenceStop(threshold=0.5)
    """

    num_nodes: int
    depth: int
    choices: tuple[Choice, ...] = ()
    rest: int = field(default=0, repr=False)

    def choice(self, kind: type[AnyChoice]) -> AnyChoice | None:
        """The choice of class `kind`, or None."""
        return next((choice for choice in self.choices if isinstance(choice, kind)), None)


#: The order to draft nothing, and the order to draft nothing and to observe nothing.
NOTHING = DraftOrder(0, 0)
REST = DraftOrder(0, 0, rest=1)


def free(depth: int) -> float:
    """The cost, 0 seconds, of drafts that are looked up in a table."""
    return 0.0


@dataclass(frozen=True)
class DraftCosts:
    """The costs of steps and drafts, in seconds, and the step that is decided about.

    curve: t(n) of the target. draft(depth): of drafting to that depth, as the drafter declares it. members[i](depth): the same for member
    i, in drafters that use one of several members a step (`a ^ b`); other drafters have one entry. ask, node: what a draft costs beside
    forward pass and `draft`, for each request that is asked and for each drafted token: to propose, trim, decide and observe. texts:
    (tokens in the cache, rows without a draft) of each request of the step, in the order of `Pace.trim`; () where nobody says. others:
    rows that the step holds besides, of prompts that are read. caution: what the curve says of drafted tokens is multiplied by it, against
    errors of measuring.
    """

    curve: CostCurve = CostCurve.flat()  # noqa: RUF009
    draft: Callable[[int], float] = free
    members: tuple[Callable[[int], float], ...] = (free,)
    ask: float = 0.0
    node: float = 0.0
    texts: tuple[tuple[int, int], ...] = ()
    others: int = 0
    caution: float = 1.0

    @cached_property
    def plain(self) -> float:
        """Seconds of this step without drafts, if each of its requests feeds one row: what plain decoding takes for a token."""
        return self.curve.step((length, 1) for length, _ in self.texts) if self.texts else self.curve(1)

    def extra(self, texts: Sequence[int]) -> list[float]:
        """Seconds that the first, the first two, ... of some drafted tokens add to the forward pass; never decreasing. texts: of each
        drafted token the number of its request in `self.texts`."""
        curve = self.curve
        num_rows = (sum(rows for _, rows in self.texts) if self.texts else 1) + self.others
        before = curve.without_attention(num_rows)
        attention, most, added = 0.0, 0.0, list[float]()
        for num, text in enumerate(texts, 1):
            attention += curve.per_token_row * (self.texts[text][0] if self.texts else curve.context)
            most = max(most, curve.without_attention(num_rows + num) - before + attention)
            added.append(self.caution * most)
        return added


#: Costs for tests: every step costs 1 second, and drafts cost nothing.
NO_COSTS = DraftCosts()
