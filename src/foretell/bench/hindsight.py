"""The speed-up that an oracle would reach with the same drafts: a bound for every pace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from foretell.decoding.cost_curve import CostCurve
from foretell.decoding.trace import Step


@dataclass(frozen=True)
class Hindsight:
    """Speed-ups over plain decoding by the cost curve alone.

    reached: of the rows that were verified. bound: of an oracle that verifies only the nodes that are accepted, in the cheapest number of
    steps. Tokens that were never drafted are not in the bound.
    """

    reached: float
    bound: float

    @property
    def share(self) -> float:
        """Reached over bound, 0 to 1."""
        return self.reached / self.bound


def hindsight(steps: Sequence[Step], curve: CostCurve) -> Hindsight | None:
    """The bound of some decode steps, which must not hold rows of a prompt; None if they decoded nothing. curve: t(n), seconds of n rows.

    >>> step = Step(3, [5, 6], [-1, 0], ["", ""], [0], [5, 9], ["", ""], [], {})
    >>> hindsight([step], CostCurve.flat(1.0, per_row=0.5))  # 2 tokens for t(3) = 2; the oracle verifies one node: t(2) = 1.5
    Hindsight(reached=1.0, bound=1.3333333333333333)
    """
    if not any(step.num_decoded for step in steps):
        return None
    cheapest = _cheapest(max(step.num_decoded for step in steps), curve)
    num_tokens = sum(step.num_decoded for step in steps)
    plain = num_tokens * curve(1)
    reached = sum(curve(1 + len(step.drafted)) for step in steps)
    best = sum(cheapest[step.num_decoded] for step in steps)
    return Hindsight(plain / reached, plain / min(best, reached))


def _cheapest(longest: int, curve: CostCurve) -> list[float]:
    """Least seconds for 0, 1, ..., `longest` tokens that a draft predicted: a step over n rows adds n of them."""
    best = [0.0]
    for num in range(1, longest + 1):
        best.append(min(curve(rows) + best[num - rows] for rows in range(1, num + 1)))
    return best
